#include "runtime/event_loop.h"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace stoker::runtime {

void EventLoop::watch(int fd, Callback callback) {
  watches_[fd] = std::make_shared<Callback>(std::move(callback));
}

void EventLoop::forget(int fd) {
  watches_.erase(fd);
}

void EventLoop::post(Callback callback) {
  {
    std::scoped_lock lock(mutex_);
    posted_.push_back(std::move(callback));
  }
  wakeup_.notify();
}

void EventLoop::stop() {
  {
    std::scoped_lock lock(mutex_);
    stopped_ = true;
  }
  wakeup_.notify();
}

void EventLoop::run() {
  while (true) {
    {
      std::scoped_lock lock(mutex_);
      if (std::exchange(stopped_, false)) return;
    }
    run_once(std::chrono::hours(1));
  }
}

bool EventLoop::run_once(std::chrono::milliseconds limit) {
  bool any = run_posted();
  SteadyTime now = clock_.steady_now();
  any = timers_.run_due(now) > 0 || any;
  int timeout = any ? 0 : static_cast<int>(std::min<std::int64_t>(limit.count(), 3'600'000));
  if (int until_timer = timers_.next().poll_timeout(clock_.steady_now()); until_timer >= 0) {
    timeout = std::min(timeout, until_timer);
  }
  any = poll_and_handle(timeout) || any;
  any = run_posted() || any;
  return timers_.run_due(clock_.steady_now()) > 0 || any;
}

bool EventLoop::run_posted() {
  std::vector<Callback> batch;
  {
    std::scoped_lock lock(mutex_);
    batch.swap(posted_);
  }
  for (auto& callback : batch)
    callback();
  return !batch.empty();
}

bool EventLoop::poll_and_handle(int timeout) {
  std::vector<pollfd> polled;
  polled.reserve(watches_.size() + 1);
  polled.push_back({wakeup_.fd(), POLLIN, 0});
  // The callbacks are held beside their descriptors: one that is forgotten, or whose number is watched anew, by an
  // earlier callback of the same round must not be called.
  std::vector<std::shared_ptr<Callback>> callbacks{nullptr};
  for (const auto& [fd, callback] : watches_) {
    polled.push_back({fd, POLLIN, 0});
    callbacks.push_back(callback);
  }
  if (::poll(polled.data(), static_cast<nfds_t>(polled.size()), timeout) <= 0) return false;
  if (polled[0].revents != 0) wakeup_.drain();
  for (std::size_t i = 1; i < polled.size(); ++i) {
    if (polled[i].revents == 0) continue;
    auto current = watches_.find(polled[i].fd);
    if (current != watches_.end() && current->second == callbacks[i]) (*callbacks[i])();
  }
  return true;
}

}  // namespace stoker::runtime
