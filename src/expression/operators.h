// Operators and macros: their spelling and how tightly they bind.
#pragma once

#include <optional>
#include <string_view>

#include "expression/syntax/ast.h"

namespace stoker::expression {

struct OperatorRow {
  BinaryOperator op;
  std::string_view text;
  int power;
};

const OperatorRow& operator_row(BinaryOperator op);
const OperatorRow* find_operator(std::string_view text);

std::string_view macro_name(Macro macro);
std::optional<Macro> find_macro(std::string_view name);

}  // namespace stoker::expression
