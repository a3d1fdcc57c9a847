#include "expression/problem.h"

#include <fmt/format.h>

#include "expression/value.h"

namespace stoker::expression {

namespace {

// Longer texts are cut in messages.
constexpr std::size_t kShownBytes = 160;

std::string shown(std::string_view text) {
  if (text.size() <= kShownBytes) return std::string(text);
  auto cut = kShownBytes;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80)
    --cut;
  return std::string(text.substr(0, cut)) + "…";
}

}  // namespace

std::size_t column_of(std::string_view text, std::size_t offset) {
  return code_points(text.substr(0, offset)) + 1;
}

Error located(const Problem& problem, std::string_view text, std::string_view what) {
  Error error = problem.error;
  error.message = fmt::format("column {}: {}", column_of(text, problem.offset), error.message);
  return std::move(error).with_context(fmt::format("{} `{}`", what, shown(text)));
}

}  // namespace stoker::expression
