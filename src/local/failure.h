// Why an attempt failed, told from how its process ended. Pure.
#pragma once

#include <string>
#include <string_view>

#include "engine/runner.h"
#include "runtime/process/process.h"

namespace stoker::local {

// Everything that is known of an attempt's end.
struct AttemptEnd {
  runtime::ExitStatus exit;
  // We asked it to end before it ended.
  bool cancelled = false;
  // It had written its result and did not exit, so it was ended.
  bool lingered = false;
  // The kernel killed somebody for lack of memory while it ran.
  bool memory_kill = false;
  // Another cause that is known better than the exit tells: the fork server ended, the JVM ended.
  std::string cause;
  bool cause_out_of_memory = false;
  // What was wrong with its messages, empty when nothing was.
  std::string stream_fault;
};

// The failure of a process that ended without (good) result. `log_tail` is the end of its standard error.
engine::AttemptError explain_end(const AttemptEnd& end, std::string_view log_tail);

// The failure that an Error of the engine means for an attempt.
engine::AttemptError attempt_error(const Error& error);

}  // namespace stoker::local
