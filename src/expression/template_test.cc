#include "expression/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expression/json_scope.h"

namespace stoker::expression {
namespace {

using testing::ElementsAre;

json::value value(std::string_view text) {
  return codec::parse_json(text).value();
}

TEST(Template, ReferencesAndProblemsCountFromItsStart) {
  const auto text = Template::parse("a ${{ parameters.x }} b ${{  item }}").value();
  const auto references = text.references();
  ASSERT_EQ(references.size(), 2U);
  EXPECT_EQ(references[0].offset, 6U);
  EXPECT_EQ(references[1].offset, 29U);
  EXPECT_EQ(text.expressions()[1].text(), "item");
  EXPECT_EQ(text.expressions()[1].offset(), 29U);
  const auto wrong = Template::read("a ${{ 1 }} ${{ 1 + }}");
  EXPECT_EQ(std::get<Problem>(wrong).offset, 19U);
  const JsonScope scope(json::object{});
  EXPECT_THAT(Template::parse("abc ${{ 1 / 0 }}")->evaluate(scope).error().message,
              testing::HasSubstr("column 3: division"));
}

TEST(Template, LiteralsAreKnown) {
  EXPECT_TRUE(Template::parse("plain $${{ x }}")->is_literal());
  EXPECT_EQ(Template::parse("plain $${{ x }}")->literal(), "plain ${{ x }}");
  EXPECT_FALSE(Template::parse("${{ 1 }}")->is_literal());
  EXPECT_EQ(Template::parse("${{ 1 }} ")->whole(), nullptr);
}

TEST(Template, TextOnDemand) {
  const JsonScope scope(json::object{});
  EXPECT_EQ(*Template::parse("${{ [1, 2] }}\n")->evaluate_text(scope), "[1,2]");
  EXPECT_FALSE(Template::parse("${{ null }}")->evaluate_text(scope));
}

TEST(Template, TextThatIsNotUtf8IsOnlyWrongWithExpressions) {
  EXPECT_TRUE(Template::parse("\xff\xfe").ok());
  EXPECT_FALSE(Template::parse("\xff ${{ 1 }}").ok());
}

TEST(CompiledValue, EvaluatesEveryString) {
  const auto compiled =
      CompiledValue::parse(
          value(R"({"a": "${{ item }}", "b": [1, "x${{ index }}", {"c": "$${{ z }}"}], "d": {"e": null}})"))
          .value();
  EXPECT_FALSE(compiled.is_constant());
  const JsonScope scope(value(R"({"item": {"k": [1]}, "index": 4})"));
  EXPECT_EQ(*compiled.evaluate(scope),
            value(R"({"a": {"k": [1]}, "b": [1, "x4", {"c": "${{ z }}"}], "d": {"e": null}})"));
  std::vector<std::string> pointers;
  for (const auto& located : compiled.references("/inputs"))
    pointers.push_back(located.pointer + "=" + located.reference.text());
  EXPECT_THAT(pointers, ElementsAre("/inputs/a=item", "/inputs/b/1=index"));
}

TEST(CompiledValue, ConstantsAreFolded) {
  const auto compiled = CompiledValue::parse(value(R"({"a": ["b", 1, "$${{"]})")).value();
  EXPECT_TRUE(compiled.is_constant());
  EXPECT_EQ(*compiled.evaluate(JsonScope(json::object{})), value(R"({"a": ["b", 1, "${{"]})"));
}

TEST(CompiledValue, AllProblemsAtOnce) {
  std::vector<LocatedProblem> problems;
  CompiledValue::compile(value(R"({"a/b": "${{ 1 + }}", "c": ["ok", "x ${{ size( }}"], "d": "${{ nope }}"})"), problems,
                         "/inputs");
  std::vector<std::string> seen;
  for (const auto& located : problems)
    seen.push_back(located.pointer + ":" + std::to_string(located.problem.offset));
  EXPECT_THAT(seen, ElementsAre("/inputs/a~1b:8", "/inputs/c/1:12", "/inputs/d:4"));
  EXPECT_THAT(CompiledValue::parse(value(R"({"d": "${{ nope }}"})")).error().describe(), testing::StartsWith("/d: "));
}

TEST(CompiledValue, EvaluationErrorsSayWhereInTheValue) {
  const auto compiled = CompiledValue::parse(value(R"({"a": [1, {"b": "${{ 1 / 0 }}"}]})")).value();
  EXPECT_EQ(compiled.evaluate(JsonScope(json::object{})).error().describe(),
            "a: item 1: b: expression `1 / 0`: column 3: division by zero");
}

}  // namespace
}  // namespace stoker::expression
