// A Pratt parser: tokens to a tree in which every name is resolved.
#pragma once

#include <string_view>
#include <variant>

#include "expression/problem.h"
#include "expression/syntax/ast.h"

namespace stoker::expression {

struct Parsed {
  Node root;
  // Where the expression ends: the end of the text, or the }} of its template.
  std::size_t end = 0;
};

enum class Ending { text, braces };

// The expression of `text` that begins at `offset`. Positions count from the start of `text`.
std::variant<Parsed, Problem> parse_tree(std::string_view text, std::size_t offset, Ending ending);

}  // namespace stoker::expression
