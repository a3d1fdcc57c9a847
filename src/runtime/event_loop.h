// EventLoop: one thread that waits for descriptors, timers and posted functions.
//
// Everything but post() and stop() is for the loop's own thread (or for any one thread while the loop does not run).
// Callbacks run one at a time, so what they share needs no lock. A callback may watch, forget, add timers and stop the
// loop.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "runtime/timer_queue.h"
#include "runtime/wakeup.h"

namespace stoker::runtime {

class EventLoop {
 public:
  using Callback = std::function<void()>;

  // `clock` outlives the loop. With a ManualClock, call wake() after it was advanced.
  explicit EventLoop(const Clock& clock) : clock_(clock) {}

  // Calls back whenever the descriptor is readable or its other end is gone. One watch per descriptor; the descriptor
  // stays the caller's and must be forgotten before it is closed.
  void watch(int fd, Callback callback);
  void forget(int fd);

  TimerId at(SteadyTime when, Callback callback) { return timers_.add(when, std::move(callback)); }
  TimerId after(std::chrono::milliseconds delay, Callback callback) {
    return timers_.add(Deadline::after(clock_, delay).time(), std::move(callback));
  }
  void cancel(TimerId id) { timers_.cancel(id); }

  // Thread-safe: runs `callback` on the loop's thread, in order of posting.
  void post(Callback callback);
  // Thread-safe.
  void stop();
  void wake() const { wakeup_.notify(); }

  // Until stop().
  void run();
  // Waits for at least one event, or until `limit` (real time), and handles what is there. False when nothing happened.
  bool run_once(std::chrono::milliseconds limit);

  const Clock& clock() const { return clock_; }

 private:
  bool run_posted();
  bool poll_and_handle(int timeout);

  const Clock& clock_;
  Wakeup wakeup_;
  TimerQueue timers_;
  std::map<int, std::shared_ptr<Callback>> watches_;
  std::mutex mutex_;
  std::vector<Callback> posted_;  // guarded by mutex_
  bool stopped_ = false;          // guarded by mutex_
};

}  // namespace stoker::runtime
