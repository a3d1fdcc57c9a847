// Guarded<T>: a mutex and the data that it guards as one object, so the data cannot be reached without the lock.
#pragma once

#include <mutex>
#include <utility>

namespace stoker {

template <class T>
class Guarded {
 public:
  class Locked {
   public:
    T& operator*() & { return *data_; }
    T* operator->() & { return data_; }
    // The condition-variable door: wait on this lock.
    std::unique_lock<std::mutex>& lock() & { return lock_; }
    // A temporary lock would be gone before the reference is used.
    T& operator*() && = delete;

   private:
    friend class Guarded;
    Locked(T* data, std::mutex& mutex) : lock_(mutex), data_(data) {}
    std::unique_lock<std::mutex> lock_;
    T* data_;
  };

  template <class... Args>
  explicit Guarded(Args&&... args) : data_(std::forward<Args>(args)...) {}

  [[nodiscard]] Locked lock() { return Locked(&data_, mutex_); }
  template <class Function>
  auto with(Function&& function) {
    std::scoped_lock lock(mutex_);
    return std::forward<Function>(function)(data_);
  }

 private:
  std::mutex mutex_;
  T data_;
};

}  // namespace stoker
