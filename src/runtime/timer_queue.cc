#include "runtime/timer_queue.h"

namespace stoker::runtime {

TimerId TimerQueue::add(SteadyTime when, Callback callback) {
  std::uint64_t id = ++last_id_;
  timers_.emplace(Key{when, id}, std::move(callback));
  times_.emplace(id, when);
  return TimerId{id};
}

void TimerQueue::cancel(TimerId id) {
  auto number = static_cast<std::uint64_t>(id);
  auto found = times_.find(number);
  if (found == times_.end()) return;
  timers_.erase(Key{found->second, number});
  times_.erase(found);
}

Deadline TimerQueue::next() const {
  if (timers_.empty()) return Deadline::never();
  return Deadline::at(timers_.begin()->first.first);
}

std::size_t TimerQueue::run_due(SteadyTime now) {
  const std::uint64_t newest = last_id_;
  std::size_t count = 0;
  auto it = timers_.begin();
  while (it != timers_.end() && it->first.first <= now) {
    if (it->first.second > newest) {
      ++it;
      continue;
    }
    Callback callback = std::move(it->second);
    times_.erase(it->first.second);
    timers_.erase(it);
    ++count;
    callback();  // may add or cancel: every iterator is void now
    it = timers_.begin();
  }
  return count;
}

}  // namespace stoker::runtime
