// BoundedQueue<T>: a queue between threads with a limit; a full one makes the producer wait (or says so), a closed one
// drains.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/stop.h"

namespace stoker::runtime {

template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t limit) : limit_(limit) {}

  // Waits for room. False: closed or stopped, and the item is not in the queue.
  bool push(T item, const StopToken& stop = {}) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, stop, [&] { return closed_ || items_.size() < limit_; });
    if (closed_ || items_.size() >= limit_) return false;
    items_.push_back(std::move(item));
    lock.unlock();
    ready_.notify_one();
    return true;
  }

  // Never waits. False: full or closed.
  bool try_push(T item) {
    std::unique_lock lock(mutex_);
    if (closed_ || items_.size() >= limit_) return false;
    items_.push_back(std::move(item));
    lock.unlock();
    ready_.notify_one();
    return true;
  }

  // Waits for the first item, then takes at most `most` without waiting. Empty: closed and drained, or stopped.
  std::vector<T> pop_batch(std::size_t most, const StopToken& stop = {}) {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, stop, [&] { return closed_ || !items_.empty(); });
    return take(most, lock);
  }

  std::optional<T> pop(const StopToken& stop = {}) {
    auto batch = pop_batch(1, stop);
    if (batch.empty()) return std::nullopt;
    return std::move(batch.front());
  }

  // No more pushes; what is in the queue can still be popped.
  void close() {
    {
      std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
    room_.notify_all();
  }

  std::size_t size() const {
    std::scoped_lock lock(mutex_);
    return items_.size();
  }

 private:
  std::vector<T> take(std::size_t most, std::unique_lock<std::mutex>& lock) {
    std::vector<T> batch;
    while (!items_.empty() && batch.size() < most) {
      batch.push_back(std::move(items_.front()));
      items_.pop_front();
    }
    lock.unlock();
    if (!batch.empty()) room_.notify_all();
    return batch;
  }

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable_any ready_;
  std::condition_variable_any room_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace stoker::runtime
