// Problem: what is wrong with a text, and where, for callers that know the file the text stands in.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace stoker::expression {

struct Problem {
  // Byte in the text that was parsed.
  std::size_t offset = 0;
  // Without position.
  Error error;
};

// Columns count characters, from 1.
std::size_t column_of(std::string_view text, std::size_t offset);
// "column 5: message", in: expression "…".
Error located(const Problem& problem, std::string_view text, std::string_view what = "expression");

}  // namespace stoker::expression
