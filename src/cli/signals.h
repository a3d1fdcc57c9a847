// SignalWatch: SIGINT, SIGTERM and SIGHUP as calls on an ordinary thread, so that what they start may lock and
// allocate.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace stoker::cli {

// Blocks the signals (threads made later inherit that) and waits for them on a thread of its own. `on_signal` gets the
// count of signals so far: the first asks to end in order, the second at once; a third ends the process, whatever
// hangs. One at a time; made and destroyed on one thread, which then has the signals blocked or not as before.
class SignalWatch {
 public:
  explicit SignalWatch(std::function<void(int count)> on_signal);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  std::function<void(int)> on_signal_;
  sigset_t before_{};
  std::thread thread_;
};

// For a verb that drives a run, before any thread is made: between one SignalWatch and the next, signals wait.
void block_signals();

}  // namespace stoker::cli
