#include "pipeline/schema.h"

#include <gtest/gtest.h>

namespace stoker::pipeline {
namespace {

TEST(Schema, TheSchemaOfPipelinesCompiles) {
  const auto text = codec::parse_json(pipeline_schema_text());
  ASSERT_TRUE(text.ok());
  const auto schema = Schema::parse(*text);
  EXPECT_TRUE(schema.ok()) << schema.error().message;
}

TEST(Schema, RefusesKeywordsThatItWouldIgnore) {
  for (const auto* text :
       {R"({"anyOf": []})", R"({"properties": {"a": {"not": {}}}})", R"({"oneOf": [{"type": "string"}]})",
        R"({"format": "email"})", R"({"$ref": "#/$defs/none"})", R"({"patternProperties": {"x": true}})",
        R"({"type": "text"})"}) {
    EXPECT_FALSE(Schema::parse(codec::parse_json(text).value()).ok()) << text;
  }
}

std::string violations(const std::string& schema, const std::string& value) {
  const auto compiled = Schema::parse(codec::parse_json(schema).value());
  EXPECT_TRUE(compiled.ok()) << compiled.error().message;
  std::string text;
  compiled->validate(codec::parse_json(value).value(), [&](const JsonPath& path, bool at_key,
                                                           const std::string& message, const std::string& hint) {
    text += path.pointer() + (at_key ? " key" : "") + ": " + message + (hint.empty() ? "" : " (" + hint + ")") + "\n";
  });
  return text;
}

TEST(Schema, ReportsEverythingAtOnce) {
  const std::string schema = R"({"title": "thing", "type": "object", "properties": {
      "count": {"type": "integer", "minimum": 1, "maximum": 9}, "kind": {"enum": ["one", "two"]},
      "names": {"type": "array", "minItems": 2, "items": {"type": "string", "minLength": 1}}},
      "required": ["kind", "other"], "additionalProperties": false})";
  EXPECT_EQ(violations(schema, R"({"count": 12, "kind": "tow", "names": ["a", 1, ""], "nmes": 1})"),
            "/count: count must be at most 9, not 12\n"
            "/kind: kind must be one of one, two, not the text \"tow\" (did you mean \"two\"?)\n"
            "/names/1: names[1] must be a text, not the number 1 (put it in quotes)\n"
            "/names/2: names[2] is empty\n"
            "/nmes key: unknown key \"nmes\" in thing (did you mean \"names\"?)\n"
            ": thing has no \"other\"\n");
  EXPECT_EQ(violations(schema, R"({"count": "3", "kind": "one", "names": ["a"], "other": 1})"),
            "/count: count must be an integer, not the text \"3\" (remove the quotes)\n"
            "/names: names has fewer than 2 items\n"
            "/other key: unknown key \"other\" in thing (known: count, kind, names)\n");
}

TEST(Schema, ExactlyOneOfIsSaidInWords) {
  const std::string schema = R"({"title": "step", "properties": {"run": {}, "wait": {}, "name": {}},
      "oneOf": [{"required": ["run"]}, {"required": ["wait"]}], "additionalProperties": false})";
  EXPECT_EQ(violations(schema, R"({"name": "a"})"),
            ": step \"a\" has none of run or wait (write exactly one of them)\n");
  EXPECT_EQ(violations(schema, R"({"run": 1, "wait": 2})"),
            ": step has both run and wait (exactly one of run or wait is allowed)\n");
  EXPECT_EQ(violations(schema, R"({"wiat": 1})"), "/wiat key: unknown key \"wiat\" in step (did you mean \"wait\"?)\n");
}

}  // namespace
}  // namespace stoker::pipeline
