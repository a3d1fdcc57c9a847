// Walks a tree with a budget. One evaluator does one evaluation.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "expression/expression.h"
#include "expression/limits.h"
#include "expression/problem.h"
#include "expression/syntax/ast.h"
#include "expression/value.h"

namespace stoker::expression {

// A value, or what is wrong and at which byte of the text.
class Outcome : public std::variant<Value, Problem> {
 public:
  using std::variant<Value, Problem>::variant;
  bool ok() const { return index() == 0; }
  const json::value& get() const { return std::get<Value>(*this).get(); }
  Problem& problem() { return std::get<Problem>(*this); }
};

// What becomes of a value: an operator looks into it, or it is the result and only handed on.
enum class Use { looked_into, handed_on };

class Evaluator {
 public:
  Evaluator(const Scope& scope, const Limits& limits)
      : scope_(scope), steps_(limits.steps), bytes_(limits.bytes), limits_(limits) {}

  Outcome run(const Node& root, Use use);

 private:
  using Arguments = std::vector<Value>;

  Outcome evaluate(const Node& node, Use use = Use::looked_into);
  Outcome dispatch(const Node& node, Use use);
  Outcome lookup(const Node& node, const Reference& reference, Use use);
  Outcome unary(const Node& node, UnaryOperator op);
  Outcome binary(const Node& node, BinaryOperator op);
  Outcome arithmetic(const Node& node, BinaryOperator op, Value left, Value right);
  Outcome integers(const Node& node, BinaryOperator op, std::int64_t a, std::int64_t b);
  Outcome concatenate(const Node& node, Value left, Value right);
  Outcome compare(const Node& node, BinaryOperator op, const json::value& a, const json::value& b);
  Outcome equality(const Node& node, BinaryOperator op, const json::value& a, const json::value& b);
  Outcome member_of(const Node& node, const json::value& item, const json::value& container);
  // && and ||: `deciding` on either side decides, even where the other side is an error.
  Outcome logical(const Node& node, bool deciding);
  Outcome conditional(const Node& node, Use use);
  Outcome select(const Node& node, const std::string& field);
  Outcome index(const Node& node);
  Outcome field(const Node& node, Value map, std::string_view name);
  Outcome list_literal(const Node& node);
  Outcome map_literal(const Node& node);
  Outcome has(const Node& node);
  Outcome one_of(const Node& node, Use use);
  Outcome comprehension(const Node& node, const Comprehension& form);
  Outcome quantifier(const Node& node, Macro macro, const json::array& list);
  Outcome exists_one(const Node& node, const json::array& list);
  Outcome map_or_filter(const Node& node, Macro macro, const json::array& list);

  // builtins.cc
  Outcome call(const Node& node, const Call& form, Use use);
  Outcome size(const Node& node, const json::value& value);
  Outcome text_function(const Node& node, const Call& form, const Arguments& arguments);
  Outcome text_predicate(const Node& node, FunctionId id, std::string_view text, std::string_view other);
  Outcome matches(const Node& node, const Call& form, std::string_view text, std::string_view pattern);
  Outcome split_text(const Node& node, std::string_view text, std::string_view separator);
  Outcome replace_text(const Node& node, std::string_view text, std::string_view from, std::string_view to);
  Outcome join_list(const Node& node, const Arguments& arguments);
  Outcome convert(const Node& node, FunctionId id, const json::value& value);
  Outcome to_integer(const Node& node, const json::value& value);
  Outcome to_floating(const Node& node, const json::value& value);
  Outcome extreme(const Node& node, FunctionId id, const Arguments& arguments);
  Outcome sum(const Node& node, const json::value& list);
  Outcome range(const Node& node, const Arguments& arguments);

  Outcome fail(const Node& node, std::string message, std::string hint = {}) const;
  Outcome fail(const Node& node, Error error) const;
  // "x needs a list, got string", and about what can be done with artifacts.
  Outcome wrong_type(const Node& node, std::string_view what, std::string_view needed, const json::value& value) const;
  // Work and memory; false: the budget is used up, over() is the error.
  bool spend(std::int64_t steps) { return (steps_ -= steps) >= 0; }
  bool allocate(std::int64_t bytes) { return (bytes_ -= bytes) >= 0; }
  bool allocate(const json::value& value) { return allocate(approximate_bytes(value)); }
  // Text that is looked at, not copied.
  bool read_text(std::size_t bytes) { return spend(static_cast<std::int64_t>(bytes / 64)); }
  Outcome over(const Node& node) const;

  const Scope& scope_;
  std::int64_t steps_;
  std::int64_t bytes_;
  const Limits limits_;
  // Values of the macros' variables, outermost first.
  std::vector<const json::value*> variables_;
};

}  // namespace stoker::expression
