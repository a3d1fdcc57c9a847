#include "spark/java/properties.h"

#include <gtest/gtest.h>

#include <map>

#include "spark/test_support.h"

namespace stoker::spark {
namespace {

std::map<std::string, std::string> as_map(const std::vector<Property>& properties) {
  std::map<std::string, std::string> map;
  for (const Property& property : properties)
    map[property.key] = property.value;
  return map;
}

TEST(JavaProperties, ReadsAsJavaDoes) {
  const json::value all = testing::recorded("java-properties.json");
  ASSERT_GT(all.at("reads").as_array().size(), 400U);
  for (const json::value& read : all.at("reads").as_array()) {
    const std::string text(read.at("text").as_string());
    const auto found = read_java_properties(text);
    const json::value* wanted = read.as_object().if_contains("properties");
    ASSERT_EQ(found.ok(), wanted != nullptr) << text;
    if (wanted == nullptr) continue;
    std::map<std::string, std::string> expected;
    for (const auto& [key, value] : wanted->as_object())
      expected[key] = std::string(value.as_string());
    EXPECT_EQ(as_map(*found), expected) << text;
  }
}

TEST(JavaProperties, WritesAsJavaDoes) {
  const json::value all = testing::recorded("java-properties.json");
  for (const json::value& written : all.at("writes").as_array()) {
    const Property property{std::string(written.at("key").as_string()), std::string(written.at("value").as_string())};
    EXPECT_EQ(write_java_properties({&property, 1}), std::string(written.at("line").as_string()));
  }
}

TEST(JavaProperties, WhatIsWrittenIsReadAgain) {
  const std::vector<Property> all = {{"spark.a b", " x\\y \n", 1}, {"é=:#!", "", 2}, {"k", "\xf0\x9f\x98\x80\t=", 3}};
  EXPECT_EQ(read_java_properties(write_java_properties(all)).value(), all);
}

TEST(JavaProperties, SaysTheLine) {
  const auto found = read_java_properties("# c\n\na=1\nb=2\\\n  3\nc=\\u12\n");
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().message, "line 6: \\u must be followed by four hex digits");
  EXPECT_EQ(read_java_properties("\n a=1\\\n2\nb").value(), (std::vector<Property>{{"a", "12", 2}, {"b", "", 4}}));
}

}  // namespace
}  // namespace stoker::spark
