#include "expression/type_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stoker::expression {
namespace {

// Parameters are named after their types.
class ByName final : public TypeScope {
 public:
  Type type_of(const Reference& reference) const override {
    return reference.kind == ReferenceKind::parameter ? type_named(reference.name) : Type::any;
  }
};

struct Checked {
  Type type;
  std::vector<std::string> messages;
};

Checked check(std::string_view text) {
  std::vector<Problem> problems;
  Checked result{check_types(Template::parse(text).value(), ByName(), problems), {}};
  for (const auto& problem : problems)
    result.messages.push_back(problem.error.message);
  return result;
}

TEST(TypeCheck, ReportsWhatIsCertain) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"${{ parameters.string + parameters.integer }}", "string + int has no meaning"},
      {"${{ parameters.number - \"1\" }}", "number - string has no meaning"},
      {"${{ !parameters.integer }}", "! needs a bool, got int"},
      {"${{ parameters.integer && true }}", "&& needs a bool on its left, got int"},
      {"${{ parameters.string == 1 }}", "string == int has no meaning"},
      {"${{ parameters.list < 1 }}", "list < int has no meaning"},
      {"${{ parameters.string.map(x, x) }}", "map needs a list or a map, got string"},
      {"${{ parameters.string.depth }}", "field depth needs a map, got string"},
      {"${{ parameters.list[\"a\"] }}", "[…] of a list needs an int, got string"},
      {"${{ parameters.integer.startsWith(\"a\") }}", "startsWith needs a string, got int"},
      {"${{ \"a\".startsWith(1) }}", "startsWith needs a string as its argument, got int"},
      {"${{ parameters.string ? 1 : 2 }}", "? needs a bool as its condition, got string"},
      {"${{ parameters.number % 1.5 }}", "% needs integers"},
      {"${{ parameters.secret.x }}", "field x needs a map, got artifact, file or secret"},
      {"${{ \"a\" in parameters.string }}", "in needs a list or a map, got string"},
      {"${{ max(1, \"a\") }}", "max needs values of one type, got int and string"},
      {"${{ index + \"a\" }}", "int + string has no meaning"},
      {"a ${{ null }}", "null has no text"},
  };
  for (const auto& [text, message] : cases)
    EXPECT_THAT(check(text).messages, testing::ElementsAre(message)) << text;
}

TEST(TypeCheck, StaysSilentWhereItCannotKnow) {
  for (const auto* text :
       {"${{ parameters.enum + 1 }}", "${{ item.a.b + \"x\" }}", "${{ steps.a.outputs.b > 1 }}",
        "${{ parameters.string == null }}", "${{ parameters.number == parameters.integer }}",
        "${{ parameters.integer == 0.5 }}", "${{ parameters.number % 2 }}", "${{ parameters.file == \"x\" }}",
        "${{ [1, \"a\"][0] + 1 }}", "${{ (parameters.boolean ? 1 : \"a\") + \"b\" }}", "${{ one_of(item, 1) + \"a\" }}",
        "${{ parameters.list.map(x, x + \"a\") }}", "${{ parameters.map.a.b[0] + 1 }}", "${{ parameters.list + item }}",
        "${{ string(parameters.secret == null) + \"a\" }}", "${{ parameters.file }} text"}) {
    EXPECT_THAT(check(text).messages, testing::IsEmpty()) << text;
  }
}

TEST(TypeCheck, KnowsTheTypeOfTheResult) {
  EXPECT_EQ(check("${{ parameters.integer + 1 }}").type, Type::integer);
  EXPECT_EQ(check("${{ parameters.integer + 1.0 }}").type, Type::floating);
  EXPECT_EQ(check("${{ parameters.number * 2 }}").type, Type::number);
  EXPECT_EQ(check("${{ parameters.integer > 1 }}").type, Type::boolean);
  EXPECT_EQ(check("x ${{ parameters.integer }}").type, Type::string);
  EXPECT_EQ(check("${{ item }}").type, Type::any);
  EXPECT_EQ(check("${{ parameters.list.filter(x, x > 1) }}").type, Type::list);
  EXPECT_FALSE(may_be(check("${{ parameters.integer + 1 }}").type, Type::boolean));
  EXPECT_TRUE(may_be(check("${{ item }}").type, Type::boolean));
}

TEST(TypeCheck, PositionsCountInTheTemplate) {
  std::vector<Problem> problems;
  check_types(Template::parse("x ${{ 1 }} ${{ 1 + \"a\" }}").value(), ByName(), problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].offset, 17U);
}

}  // namespace
}  // namespace stoker::expression
