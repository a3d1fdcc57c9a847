// Parsing, printing, checking and evaluating any text; the first byte says whether the rest is text or the choices of a
// random tree.
#include "expression/expression.h"

#include "expression/json_scope.h"
#include "expression/random_tree.h"
#include "expression/syntax/ast.h"
#include "expression/syntax/printer.h"
#include "expression/type_check.h"
#include "fuzz.h"

namespace {

using namespace stoker;
using namespace stoker::expression;

const JsonScope& scope() {
  static const JsonScope made(codec::parse_json(R"({
    "parameters": {"a": 1, "b": 0.5, "c": "text", "d": [1, "x", null], "e": {"a": {"b": 1}}, "f": {"$file": {"path": "p"}}},
    "steps": {"a": {"outputs": {"a": {"$artifact": {}}, "b": {"$value": {"$x": 1}}}, "state": "failed"}},
    "item": [1, 2], "index": 0, "iteration": 1, "outputs": {"a": true}, "inputs": {"a": "t"}, "run": {"id": "r"}, "skipped": ["z"]})")
                                  .value());
  return made;
}

class NoTypes final : public TypeScope {
 public:
  Type type_of(const Reference&) const override { return Type::any; }
};

void check(const Expression& expression) {
  const auto again = Expression::parse(print(expression.root()));
  STOKER_FUZZ_CHECK(!again || same_tree(expression.root(), again->root()));
  STOKER_FUZZ_CHECK(again || again.error().message.find("nested deeper") != std::string::npos ||
                    again.error().message.find("longer than") != std::string::npos);
  for (const auto& reference : expression.references())
    STOKER_FUZZ_CHECK(reference.offset < expression.offset() + expression.text().size());
  std::vector<Problem> problems;
  check_types(expression, NoTypes(), problems);
  const auto result = expression.evaluate(scope(), Limits{.steps = 5'000, .bytes = 256 * 1024});
  if (!result) STOKER_FUZZ_CHECK(result.error().message.starts_with("column "));
}

}  // namespace

STOKER_FUZZ_TARGET(expression) {
  if (data.starts_with('\x01')) {
    const auto choices = data.substr(1);
    const auto tree = random_tree({reinterpret_cast<const std::uint8_t*>(choices.data()), choices.size()});
    const auto expression = Expression::parse(print(tree));
    STOKER_FUZZ_CHECK(expression.ok());
    STOKER_FUZZ_CHECK(same_tree(tree, expression->root()));
    check(*expression);
    return;
  }
  const auto parsed = Expression::read(data);
  if (const auto* expression = std::get_if<Expression>(&parsed)) {
    check(*expression);
  } else {
    STOKER_FUZZ_CHECK(std::get<Problem>(parsed).offset <= data.size());
  }
}
