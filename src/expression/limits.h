// What an expression may cost. Hitting one of these is an error that names it, never a slow or growing engine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stoker::expression {

inline constexpr std::size_t kMaximumExpressionBytes = 64 << 10;
// A template is mostly text: the script of a command step is one.
inline constexpr std::size_t kMaximumTemplateBytes = 1 << 20;
// Nesting of an expression, written or implied (a + b + c nests two deep).
inline constexpr std::size_t kMaximumDepth = 100;

struct Limits {
  // One per node evaluated and per item or 64 bytes that a function looks at.
  std::int64_t steps = 1'000'000;
  // Everything that the evaluation makes or copies, so also the result.
  std::int64_t bytes = 64 << 20;
};

}  // namespace stoker::expression
