// Waiting for time to pass.
#pragma once

#include <chrono>

#include "base/clock.h"
#include "base/result.h"
#include "runtime/context.h"

namespace stoker::runtime {

// Returns after `delay` of real time, or with the context's error when that ends before.
Result<void> wait_for(const Context& context, const Clock& clock, std::chrono::milliseconds delay);

}  // namespace stoker::runtime
