#include "spark/units.h"

#include <gtest/gtest.h>

#include <map>

#include "spark/test_support.h"

namespace stoker::spark {
namespace {

const std::map<std::string, SizeUnit> kSizeUnits = {
    {"BYTE", SizeUnit::byte}, {"KiB", SizeUnit::kibibyte}, {"MiB", SizeUnit::mebibyte}, {"GiB", SizeUnit::gibibyte}};
const std::map<std::string, TimeUnit> kTimeUnits = {{"MILLISECONDS", TimeUnit::millisecond},
                                                    {"SECONDS", TimeUnit::second}};

template <class Units, class Parse>
void compare(const json::value& rows, const Units& units, const Parse& parse) {
  ASSERT_GT(rows.as_array().size(), 60U);
  for (const json::value& row : rows.as_array()) {
    const std::string text(row.at("text").as_string());
    const std::string unit(row.at("unit").as_string());
    const auto found = parse(text, units.at(unit));
    const json::value* wanted = row.as_object().if_contains("value");
    ASSERT_EQ(found.ok(), wanted != nullptr) << '"' << text << "\" in " << unit;
    if (wanted == nullptr) continue;
    EXPECT_EQ(*found, wanted->to_number<std::int64_t>()) << '"' << text << "\" in " << unit;
  }
}

TEST(SparkUnits, SizesAreSparks) {
  compare(testing::recorded("spark-units.json").at("sizes"), kSizeUnits, parse_size);
}

TEST(SparkUnits, TimesAreSparks) {
  compare(testing::recorded("spark-units.json").at("times"), kTimeUnits, parse_time);
}

TEST(SparkUnits, SayWhatToWrite) {
  const auto size = parse_size("1.5g", SizeUnit::mebibyte);
  EXPECT_EQ(size.error().message, "\"1.5g\" is no size");
  EXPECT_NE(size.error().hint.find("512m"), std::string::npos);
  EXPECT_EQ(parse_time("soon", TimeUnit::second).error().message, "\"soon\" is no time");
}

}  // namespace
}  // namespace stoker::spark
