#include "local/failure.h"

#include <fmt/format.h>

#include <csignal>

#include "local/text.h"

namespace stoker::local {

namespace {

using pipeline::FailureClass;

constexpr std::size_t kTailLines = 10;
constexpr std::size_t kTailBytes = 4096;
// What a shell reports for a child that a signal ended.
constexpr int kShellSignalBase = 128;

bool speaks_of_memory(std::string_view tail) {
  for (std::string_view word :
       {"MemoryError", "java.lang.OutOfMemoryError", "Cannot allocate memory", "std::bad_alloc"}) {
    if (tail.find(word) != std::string_view::npos) return true;
  }
  return false;
}

// The code's own fault: the signals of a crash. A kill from outside is somebody else's.
bool is_crash(int signal) {
  return signal == SIGSEGV || signal == SIGABRT || signal == SIGBUS || signal == SIGFPE || signal == SIGILL ||
         signal == SIGSYS || signal == SIGTRAP || signal == SIGPIPE || signal == SIGXCPU || signal == SIGXFSZ;
}

}  // namespace

engine::AttemptError explain_end(const AttemptEnd& end, std::string_view log_tail) {
  engine::AttemptError error;
  error.traceback = printable_tail(log_tail, kTailLines, kTailBytes);
  if (end.exit.signal != 0) {
    error.signal = end.exit.signal;
  } else {
    error.exit_code = end.exit.code;
  }
  if (end.cancelled) {
    error.failure_class = FailureClass::cancelled;
    error.message = "cancelled";
    error.traceback.clear();
    return error;
  }
  if (!end.cause.empty()) {
    error.failure_class = end.cause_out_of_memory ? FailureClass::out_of_memory : FailureClass::infrastructure;
    error.message = end.cause;
    return error;
  }
  const bool killed = end.exit.signal == SIGKILL || end.exit.code == kShellSignalBase + SIGKILL;
  if (killed && end.memory_kill) {
    error.failure_class = FailureClass::out_of_memory;
    error.message =
        fmt::format("killed by the kernel for lack of memory, at {} MB", end.exit.peak_rss_bytes / 1'000'000);
    error.hint = "give the machine more memory, or run fewer steps at once (parallelism)";
  } else if (!end.exit.success() && speaks_of_memory(log_tail)) {
    error.failure_class = FailureClass::out_of_memory;
    error.message = fmt::format("ran out of memory and ended with {}", end.exit.describe());
  } else if (end.exit.signal != 0 && !is_crash(end.exit.signal)) {
    error.failure_class = FailureClass::infrastructure;
    error.message = fmt::format("killed from outside by {}", end.exit.describe());
  } else if (!end.exit.success()) {
    error.failure_class = FailureClass::user_code;
    error.message = end.exit.signal != 0 ? fmt::format("crashed with {}", end.exit.describe())
                                         : fmt::format("ended with {}", end.exit.describe());
  } else {
    error.failure_class = FailureClass::user_code;
    error.message = "the process ended with exit code 0 before the step had returned";
    error.hint = "the step's code may call os._exit() or end its process";
  }
  if (!end.stream_fault.empty()) error.hint += (error.hint.empty() ? "" : "; ") + end.stream_fault;
  return error;
}

engine::AttemptError attempt_error(const Error& error) {
  engine::AttemptError result;
  switch (error.code) {
    case ErrorCode::user_code:
    case ErrorCode::invalid_value:
    case ErrorCode::invalid_document:
    case ErrorCode::evaluation: result.failure_class = FailureClass::user_code; break;
    case ErrorCode::cancelled: result.failure_class = FailureClass::cancelled; break;
    case ErrorCode::timed_out: result.failure_class = FailureClass::timeout; break;
    default: result.failure_class = FailureClass::infrastructure;
  }
  result.message = error.describe();
  result.hint = error.hint;
  return result;
}

}  // namespace stoker::local
