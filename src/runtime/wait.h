// Waiting for time to pass.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "base/result.h"
#include "runtime/context.h"

namespace stoker::runtime {

// Returns after `delay` of real time, or with the context's error when that ends before.
Result<void> wait_for(const Context& context, const Clock& clock, std::chrono::milliseconds delay);

// How those who try again wait, and by what the random part of a delay is drawn: injected, so that tests need no time.
struct Waiting {
  std::function<Result<void>(const Context&, std::chrono::milliseconds)> wait;
  std::function<std::uint64_t()> random_bits;
};
// Before try 2, 3, …: `first`, then twice as long each time, up to `longest`; of it between a half and the whole, so
// that those who were refused together do not come back together.
std::chrono::milliseconds backoff(int next_try, std::chrono::milliseconds first, std::chrono::milliseconds longest,
                                  std::uint64_t random_bits);

// By wait_for. `clock` outlives it.
Waiting real_waiting(const Clock& clock, std::function<std::uint64_t()> random_bits);

}  // namespace stoker::runtime
