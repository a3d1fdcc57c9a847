#include "expression/syntax/ast.h"

#include <algorithm>
#include <array>

#include "base/overloaded.h"
#include "expression/operators.h"

namespace stoker::expression {

namespace {

// In the order of BinaryOperator. All associate to the left.
constexpr std::array kOperators{
    OperatorRow{BinaryOperator::add, "+", 5},
    OperatorRow{BinaryOperator::subtract, "-", 5},
    OperatorRow{BinaryOperator::multiply, "*", 6},
    OperatorRow{BinaryOperator::divide, "/", 6},
    OperatorRow{BinaryOperator::remainder, "%", 6},
    OperatorRow{BinaryOperator::equal, "==", 4},
    OperatorRow{BinaryOperator::not_equal, "!=", 4},
    OperatorRow{BinaryOperator::less, "<", 4},
    OperatorRow{BinaryOperator::less_equal, "<=", 4},
    OperatorRow{BinaryOperator::greater, ">", 4},
    OperatorRow{BinaryOperator::greater_equal, ">=", 4},
    OperatorRow{BinaryOperator::in, "in", 4},
    OperatorRow{BinaryOperator::logical_and, "&&", 3},
    OperatorRow{BinaryOperator::logical_or, "||", 2},
};
constexpr std::array<std::string_view, 5> kMacros{"all", "exists", "exists_one", "map", "filter"};

}  // namespace

const OperatorRow& operator_row(BinaryOperator op) {
  return kOperators[static_cast<std::size_t>(op)];
}

const OperatorRow* find_operator(std::string_view text) {
  const auto found =
      std::find_if(kOperators.begin(), kOperators.end(), [&](const auto& row) { return row.text == text; });
  return found == kOperators.end() ? nullptr : &*found;
}

std::string_view macro_name(Macro macro) {
  return kMacros[static_cast<std::size_t>(macro)];
}

std::optional<Macro> find_macro(std::string_view name) {
  const auto found = std::find(kMacros.begin(), kMacros.end(), name);
  if (found == kMacros.end()) return std::nullopt;
  return static_cast<Macro>(found - kMacros.begin());
}

bool same_tree(const Node& a, const Node& b) {
  if (a.form.index() != b.form.index()) return false;
  const bool same = std::visit(overloaded{
                                   [&](const Literal& x) {
                                     const auto& y = std::get<Literal>(b.form).value;
                                     return x.value.kind() == y.kind() && x.value == y;
                                   },
                                   [&](const Variable& x) {
                                     const auto& y = std::get<Variable>(b.form);
                                     return x.name == y.name && x.slot == y.slot;
                                   },
                                   [&](const Named& x) {
                                     const auto& y = std::get<Named>(b.form).reference;
                                     return x.reference.same_target(y) && x.reference.soft == y.soft;
                                   },
                                   [&](const Unary& x) { return x.op == std::get<Unary>(b.form).op; },
                                   [&](const Binary& x) { return x.op == std::get<Binary>(b.form).op; },
                                   [&](const Select& x) { return x.field == std::get<Select>(b.form).field; },
                                   [&](const Call& x) {
                                     const auto& y = std::get<Call>(b.form);
                                     return x.function == y.function && x.method == y.method;
                                   },
                                   [&](const Comprehension& x) {
                                     const auto& y = std::get<Comprehension>(b.form);
                                     return x.macro == y.macro && x.variable == y.variable;
                                   },
                                   [](const auto&) { return true; },
                               },
                               a.form);
  return same && std::equal(a.operands.begin(), a.operands.end(), b.operands.begin(), b.operands.end(), same_tree);
}

}  // namespace stoker::expression
