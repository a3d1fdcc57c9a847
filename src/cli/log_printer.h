// Prints a log on a descriptor whose reader may be slow, pause or go away, so that none of that holds up who prints.
//
// What is printed goes through a bounded queue to a thread of its own, which alone writes and may block. Its state
// outlives the printer, since a thread that hangs in a write cannot be joined.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/stop.h"

namespace stoker::cli {

class LogPrinter {
 public:
  // `descriptor` stays open as long as the process.
  explicit LogPrinter(int descriptor);
  // Does not wait for what is still to be written.
  ~LogPrinter();
  LogPrinter(const LogPrinter&) = delete;
  LogPrinter& operator=(const LogPrinter&) = delete;

  // Waits for room, unless it is stopped.
  void print(std::string_view text, const runtime::StopToken& stop);
  // Until everything is written, the reader has gone, or it is stopped.
  void finish(const runtime::StopToken& stop);
  bool reader_is_gone() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stoker::cli
