// Wakeup: a descriptor that another thread, or a signal handler, makes readable.
#pragma once

#include "runtime/fd.h"

namespace stoker::runtime {

class Wakeup {
 public:
  // Throws std::system_error when the process has no descriptor left: a loop that nobody can wake is of no use.
  Wakeup();

  int fd() const { return read_.get(); }
  // Thread-safe and async-signal-safe.
  void notify() const;
  // Makes it unreadable until the next notify.
  void drain() const;

 private:
  Fd read_;
  Fd write_;  // not valid where one descriptor serves both ways (eventfd)
};

}  // namespace stoker::runtime
