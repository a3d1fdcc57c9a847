// Context: what every blocking call takes: until when, and stopped by whom.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "runtime/deadline.h"
#include "runtime/stop.h"

namespace stoker::runtime {

// A value; copies share the stop token. A child's deadline is never later than its parent's.
struct Context {
  Deadline deadline;
  StopToken stop;

  Context with_deadline(Deadline other) const {
    Context child = *this;
    child.deadline = std::min(deadline, other);
    return child;
  }
  Context with_timeout(const Clock& clock, std::chrono::milliseconds timeout) const {
    return with_deadline(Deadline::after(clock, timeout));
  }
  // An error of code `cancelled` or `timed_out` when the work must end now.
  Result<void> check(const Clock& clock) const {
    if (stop.stop_requested()) return Error{.code = ErrorCode::cancelled, .message = "cancelled"};
    if (deadline.passed(clock.steady_now()))
      return Error{.code = ErrorCode::timed_out, .message = "the deadline passed"};
    return {};
  }
};

}  // namespace stoker::runtime
