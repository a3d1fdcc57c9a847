#include "codec/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

namespace stoker::codec {
namespace {

TEST(Json, RefusesWhatIsNotJsonAndSaysWhere) {
  const auto result = parse_json(R"({"a": nope})");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::invalid_document);
  EXPECT_NE(result.error().message.find("byte"), std::string::npos);
  EXPECT_FALSE(parse_json("{} {}").ok());
  EXPECT_FALSE(parse_json("").ok());
  EXPECT_FALSE(parse_json(std::string(100, '[')).ok());
  EXPECT_FALSE(parse_json("[1, {\"a\": 1e999}]").ok()) << "infinity could not be written again";
}

TEST(Json, CanonicalTextDoesNotDependOnKeyOrder) {
  const auto one = parse_json(R"({"b": [1, 1.0, "x"], "a": null})").value();
  const auto two = parse_json(R"({ "a" : null, "b" : [1,1.0,"x"] })").value();
  EXPECT_EQ(canonical_json(one), R"({"a":null,"b":[1,1.0,"x"]})");
  EXPECT_EQ(canonical_json(one), canonical_json(two));
}

TEST(Json, PrettyTextParsesBack) {
  const auto value = parse_json(R"({"a": [1, {"b": true}], "c": {}, "d": []})").value();
  EXPECT_EQ(parse_json(write_json_pretty(value)).value(), value);
}

TEST(Json, DoublesComeBackAsTheyWere) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (int i = 0; i < 20'000; ++i) {
    const auto bits = random();
    double any = 0;
    std::memcpy(&any, &bits, sizeof(any));
    for (const double number : {uniform(random), std::isfinite(any) ? any : 0.5}) {
      const auto text = canonical_json(json::value(number));
      ASSERT_EQ(parse_json(text)->get_double(), number) << text;
      ASSERT_EQ(parse_json(write_json(json::value(number)))->get_double(), number) << text;
    }
  }
  EXPECT_EQ(parse_json("1e-999")->get_double(), 0.0);
  EXPECT_EQ(canonical_json(*parse_json("[18446744073709551615, -9223372036854775808, 18446744073709551616, -0.0]")),
            "[18446744073709551615,-9223372036854775808,1.8446744073709552e+19,-0.0]");
}

}  // namespace
}  // namespace stoker::codec
