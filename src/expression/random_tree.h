// For tests: a well-formed tree from a string of choices, so that what shrinks or mutates the choices shrinks or
// mutates the tree.
#pragma once

#include <cstdint>
#include <span>

#include "expression/syntax/ast.h"

namespace stoker::expression {

// Too few choices make small trees: what is missing counts as 0, which is a leaf.
Node random_tree(std::span<const std::uint8_t> choices);

}  // namespace stoker::expression
