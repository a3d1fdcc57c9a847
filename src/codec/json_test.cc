#include "codec/json.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace stoker::codec
