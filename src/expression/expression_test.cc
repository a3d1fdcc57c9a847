#include "expression/expression.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expression/json_scope.h"
#include "expression/syntax/ast.h"
#include "expression/syntax/printer.h"

namespace stoker::expression {
namespace {

using testing::HasSubstr;

Expression parsed(std::string_view text) {
  auto result = Expression::parse(text);
  if (!result) throw std::runtime_error(result.error().describe());
  return std::move(*result);
}

JsonScope scope(std::string_view text) {
  return JsonScope(codec::parse_json(text).value());
}

TEST(Expression, NamesEveryReferenceAndWhereItStands) {
  const auto expression = parsed(
      "parameters.a + one_of(steps.b.outputs.c, steps[\"d-e\"].outputs[\"f g\"]) + [item, index, iteration][0] + "
      "outputs.h + inputs.j + run.id.size() + size(steps.i.state)");
  std::vector<std::string> texts;
  std::vector<bool> soft;
  for (const auto& reference : expression.references()) {
    texts.push_back(reference.text());
    soft.push_back(reference.soft);
  }
  EXPECT_THAT(texts,
              testing::ElementsAre("parameters.a", "steps.b.outputs.c", "steps[\"d-e\"].outputs[\"f g\"]", "item",
                                   "index", "iteration", "outputs.h", "inputs.j", "run.id", "steps.i.state"));
  EXPECT_THAT(soft, testing::ElementsAre(false, true, true, false, false, false, false, false, false, false));
  EXPECT_EQ(expression.references()[1].offset, 22U);
}

TEST(Expression, HasMakesItsReferenceSoft) {
  EXPECT_TRUE(parsed("has(steps.a.outputs.b)").references()[0].soft);
  EXPECT_FALSE(parsed("steps.a.outputs.b == 1 || has(item.x)").references()[0].soft);
}

TEST(Expression, TellsNotAvailableFromOtherErrors) {
  const auto values = scope(R"({"steps": {"a": {"outputs": {}}}, "skipped": ["b"]})");
  const auto skipped = parsed("steps.b.outputs.x").evaluate(values);
  ASSERT_FALSE(skipped);
  EXPECT_EQ(skipped.error().code, ErrorCode::not_available);
  EXPECT_THAT(skipped.error().hint, HasSubstr("one_of(steps.b.outputs.x"));
  EXPECT_EQ(parsed("steps.a.outputs.x").evaluate(values).error().code, ErrorCode::evaluation);
  EXPECT_EQ(*parsed("one_of(steps.b.outputs.x, 7)").evaluate(values), json::value(7));
  EXPECT_EQ(parsed("one_of(1 / 0, 7)").evaluate(values).error().code, ErrorCode::evaluation);
}

TEST(Expression, ErrorsHaveColumnTextAndHint) {
  const auto error = Expression::parse("\"ä\" + parametres.x").error();
  EXPECT_EQ(error.describe(), "expression `\"ä\" + parametres.x`: column 7: unknown name parametres");
  EXPECT_EQ(error.hint, "did you mean \"parameters\"?");
  const auto failed = parsed("  1 + 2 / 0 ").evaluate(scope("{}")).error();
  EXPECT_EQ(failed.describe(), "expression `1 + 2 / 0`: column 7: division by zero");
}

TEST(Expression, BudgetsEndWhatGrows) {
  const auto values = scope("{}");
  const auto nested = parsed("range(1000).map(a, range(1000).map(b, range(1000)))").evaluate(values);
  ASSERT_FALSE(nested);
  EXPECT_EQ(nested.error().code, ErrorCode::limit_exceeded);
  std::string doubling = "\"0123456789\"";
  for (int i = 0; i < 8; ++i)
    doubling = fmt::format("[{}].map(x, x + x + x + x + x + x + x + x + x + x)[0]", doubling);
  const auto grown = parsed(doubling).evaluate(values);
  ASSERT_FALSE(grown);
  EXPECT_EQ(grown.error().code, ErrorCode::limit_exceeded);
  const auto small = parsed("range(100)").evaluate(values, Limits{.steps = 50});
  ASSERT_FALSE(small);
  EXPECT_THAT(small.error().message, HasSubstr("more than 50 steps"));
  // An error that || would forgive is not forgiven when it is the budget's.
  EXPECT_FALSE(parsed("size(range(100)) > 0 || true").evaluate(values, Limits{.steps = 50}));
}

TEST(Expression, DeepNestingIsAnErrorNotAStackOverflow) {
  for (const auto* repeated : {"(", "[", "-", "!", "{\"a\":", "[1].map(x, ", "true ? 1 : ", "1 + (", "size("}) {
    std::string deep;
    for (int i = 0; i < 5000; ++i)
      deep += repeated;
    const auto result = Expression::parse(deep);
    ASSERT_FALSE(result) << repeated;
    EXPECT_THAT(result.error().message, HasSubstr("nested deeper than 100")) << repeated;
  }
  std::string chain = "1";
  for (int i = 0; i < 5000; ++i)
    chain += " + 1";
  EXPECT_THAT(Expression::parse(chain).error().message, HasSubstr("nested deeper than 100"));
  EXPECT_FALSE(Expression::parse(std::string(kMaximumExpressionBytes + 1, ' ')));
}

TEST(Expression, SecretsAndArtifactsNeverBecomeText) {
  const auto values = scope(
      R"({"parameters": {"s": {"$secret": "db"}, "f": {"$file": {"path": "/data/x.csv"}}, "a": {"$artifact": {}}}})");
  EXPECT_FALSE(parsed("string(parameters.s)").evaluate(values));
  EXPECT_FALSE(parsed("string([parameters.s])").evaluate(values));
  EXPECT_FALSE(parsed("string(parameters.a)").evaluate(values));
  EXPECT_EQ(*parsed("string(parameters.f)").evaluate(values), json::value("/data/x.csv"));
}

TEST(Expression, BorrowedValuesSurviveTheirExpression) {
  json::value result;
  {
    const auto expression = parsed("[\"text long enough to live on the heap\", item][0]");
    result = *expression.evaluate(scope(R"({"item": 1})"));
  }
  EXPECT_EQ(result, json::value("text long enough to live on the heap"));
}

}  // namespace
}  // namespace stoker::expression
