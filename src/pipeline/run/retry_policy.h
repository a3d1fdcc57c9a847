// Whether a failed attempt is tried again, and when. Pure: the jitter is drawn by the caller.
#pragma once

#include <optional>

#include "pipeline/run/run_state.h"

namespace stoker::pipeline {

// The delay doubles with each retry of the instance; jitter takes up to this part of it away, so that items that failed
// together do not return together, and no delay is longer than the document says.
inline constexpr double kRetryJitter = 0.25;

// Budgets: a class named in `on` has its own; all others share `attempts`. A cancelled attempt is never tried again.
// `used` counts the retries of this instance so far; `jitter` is in [0, 1).
// The delay of the next attempt, or nothing when the budget is spent.
std::optional<Duration> decide_retry(const RetryPolicy& policy, const RetriesUsed& used, FailureClass failure_class,
                                     double jitter);

}  // namespace stoker::pipeline
