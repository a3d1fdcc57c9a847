// Prints a log on a descriptor whose reader may be slow, pause or go away, so that none of that holds up who prints.
//
// What is printed goes through a bounded queue to a thread of its own, which alone writes and may block. Its state
// outlives the printer, since a thread that hangs in a write cannot be joined.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/stop.h"

namespace stoker::cli {

class LogPrinter {
 public:
  // What to do when writing fails for good (the reader went, the disk is full): called once, by the printer's thread,
  // perhaps after the printer is gone. All that comes after is dropped.
  using OnFailure = std::function<void(const Error&)>;

  // `descriptor` stays open as long as the process.
  explicit LogPrinter(int descriptor, OnFailure on_failure = {});
  // Does not wait for what is still to be written.
  ~LogPrinter();
  LogPrinter(const LogPrinter&) = delete;
  LogPrinter& operator=(const LogPrinter&) = delete;

  // Waits for room, unless it is stopped.
  void print(std::string_view text, const runtime::StopToken& stop);
  // Until everything is written, or it is stopped. Errors: what the writing failed with.
  Result<void> finish(const runtime::StopToken& stop);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stoker::cli
