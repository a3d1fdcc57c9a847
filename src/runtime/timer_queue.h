// TimerQueue: callbacks in order of steady time. Not thread-safe: it belongs to one loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "runtime/deadline.h"

namespace stoker::runtime {

enum class TimerId : std::uint64_t { none = 0 };

class TimerQueue {
 public:
  using Callback = std::function<void()>;

  TimerId add(SteadyTime when, Callback callback);
  // Nothing happens when it has run or was cancelled already.
  void cancel(TimerId id);
  // When the next callback is due.
  Deadline next() const;
  // Runs what is due at `now`, earliest first, equal times in the order of adding; what the callbacks add runs at the
  // next call.
  std::size_t run_due(SteadyTime now);
  std::size_t size() const { return timers_.size(); }

 private:
  using Key = std::pair<SteadyTime, std::uint64_t>;
  std::map<Key, Callback> timers_;
  std::map<std::uint64_t, SteadyTime> times_;
  std::uint64_t last_id_ = 0;
};

}  // namespace stoker::runtime
