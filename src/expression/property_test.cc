// Properties over random trees: the printer is the parser's inverse, evaluation always ends, and the type checker never
// lies.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "expression/json_scope.h"
#include "expression/random_tree.h"
#include "expression/syntax/printer.h"
#include "expression/type_check.h"

namespace stoker::expression {
namespace {

using Choices = std::vector<std::uint8_t>;

const JsonScope& scope() {
  static const JsonScope made(codec::parse_json(R"({
    "parameters": {"a": 1, "b-c": [1, 2.5, "x", null, [true], {"a": 1}], "in": {"a": {"b": 2}, "in": "ab"}, "x y": "text"},
    "steps": {"a": {"outputs": {"a": {"$artifact": {"uri": "u"}}, "b-c": 18446744073709551615, "in": {"$value": {"$a": 1}}, "x y": 0.1},
                    "state": "failed"},
              "in": {"outputs": {"a": [], "b-c": {}, "in": {"$file": {"path": "p"}}, "x y": {"$secret": "s"}}, "state": "succeeded"}},
    "item": {"a": [3, 4]}, "index": 1, "iteration": 2, "outputs": {"a": -1, "in": ""}, "inputs": {"a": 2.5},
    "run": {"id": "r", "pipeline": "p", "attempt": 1, "state": "running"}, "skipped": ["b-c"]})")
                                  .value());
  return made;
}

constexpr Limits kSmall{.steps = 20'000, .bytes = 1024 * 1024};

Type type_of_value(const json::value& value) {
  switch (kind_of(value)) {
    case Kind::null: return Type::null;
    case Kind::boolean: return Type::boolean;
    case Kind::integer: return Type::integer;
    case Kind::floating: return Type::floating;
    case Kind::string: return Type::string;
    case Kind::list: return Type::list;
    case Kind::map: return Type::map;
    default: return Type::opaque;
  }
}

// Knows the type of everything that is there.
class FullTypes final : public TypeScope {
 public:
  Type type_of(const Reference& reference) const override {
    const auto value = scope().lookup(reference);
    return value ? type_of_value(value->get()) : Type::any;
  }
};

// Branches that are not taken may hold any error.
bool all_is_evaluated(const Node& node) {
  if (const auto* binary = std::get_if<Binary>(&node.form)) {
    if (binary->op == BinaryOperator::logical_and || binary->op == BinaryOperator::logical_or) return false;
  }
  const auto* called = std::get_if<Call>(&node.form);
  if (called != nullptr && called->function == FunctionId::one_of) return false;
  if (std::holds_alternative<Conditional>(node.form) || std::holds_alternative<Comprehension>(node.form) ||
      std::holds_alternative<Has>(node.form)) {
    return false;
  }
  return std::all_of(node.operands.begin(), node.operands.end(), all_is_evaluated);
}

RC_GTEST_PROP(Property, ParsingWhatWasPrintedGivesTheSameTree, (const Choices& choices)) {
  const auto tree = random_tree(choices);
  const auto text = print(tree);
  const auto again = Expression::parse(text);
  if (!again) RC_FAIL(text + ": " + again.error().describe());
  RC_ASSERT(same_tree(tree, again->root()));
  RC_ASSERT(print(again->root()) == text);
}

RC_GTEST_PROP(Property, EvaluationEndsInAValueOrAnErrorWithAColumn, (const Choices& choices)) {
  const auto expression = Expression::parse(print(random_tree(choices))).value();
  const auto result = expression.evaluate(scope(), kSmall);
  if (result) {
    RC_ASSERT(approximate_bytes(*result) < 4 * kSmall.bytes);
    RC_ASSERT(codec::parse_json(codec::write_json(*result)).ok());
  } else {
    const auto code = result.error().code;
    RC_ASSERT(code == ErrorCode::evaluation || code == ErrorCode::not_available || code == ErrorCode::limit_exceeded);
    RC_ASSERT(result.error().message.starts_with("column "));
  }
}

RC_GTEST_PROP(Property, TheTypeCheckerKnowsTheTypeOfTheResult, (const Choices& choices)) {
  const auto expression = Expression::parse(print(random_tree(choices))).value();
  std::vector<Problem> problems;
  const auto type = check_types(expression, FullTypes(), problems);
  const auto result = expression.evaluate(scope(), kSmall);
  if (result && problems.empty()) RC_ASSERT(may_be(type_of_value(*result), type));
  if (!problems.empty() && all_is_evaluated(expression.root())) RC_ASSERT(!result.ok());
}

RC_GTEST_PROP(Property, AnyTextParsesOrFailsWithinItself, (const std::string& text)) {
  const auto parsed = Expression::read(text);
  if (const auto* problem = std::get_if<Problem>(&parsed)) RC_ASSERT(problem->offset <= text.size());
  const auto as_template = Template::read(text);
  if (const auto* problem = std::get_if<Problem>(&as_template)) RC_ASSERT(problem->offset <= text.size());
}

RC_GTEST_PROP(Property, AnExpressionInATemplateIsTheExpression, (const Choices& choices)) {
  const auto tree = random_tree(choices);
  const auto text = Template::parse("${{" + print(tree) + "}}");
  RC_ASSERT(text.ok());
  RC_ASSERT(text->whole() != nullptr);
  RC_ASSERT(same_tree(text->whole()->root(), tree));
}

}  // namespace
}  // namespace stoker::expression
