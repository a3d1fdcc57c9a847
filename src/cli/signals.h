// SignalWatch: SIGINT and SIGTERM as calls on an ordinary thread, so that what they start may lock and allocate.
#pragma once

#include <functional>
#include <thread>

namespace stoker::cli {

// Blocks both signals for the process (threads made later inherit that) and waits for them on a thread of its own.
// `on_signal` gets the count of signals so far: the first asks to end in order, the second at once; a third ends the
// process, whatever hangs. One at a time.
class SignalWatch {
 public:
  explicit SignalWatch(std::function<void(int count)> on_signal);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  std::function<void(int)> on_signal_;
  std::thread thread_;
};

// Call before any thread is made: see SignalWatch. Until a SignalWatch lives, signals wait.
void block_signals();

}  // namespace stoker::cli
