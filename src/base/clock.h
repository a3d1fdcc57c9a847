// Clock: the only source of time, injected so that tests need no sleep.
#pragma once

#include <chrono>
#include <mutex>

namespace stoker {

// Wall time for people and records (it may jump); steady time for deadlines and durations (it never does).
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

inline double seconds_since_1970(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall_now() const = 0;
  virtual SteadyTime steady_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime wall_now() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
};

// A clock that only a test moves. Starts at 2026-01-01T00:00:00Z.
class ManualClock final : public Clock {
 public:
  WallTime wall_now() const override {
    std::scoped_lock lock(mutex_);
    return wall_;
  }
  SteadyTime steady_now() const override {
    std::scoped_lock lock(mutex_);
    return steady_;
  }
  void advance(std::chrono::milliseconds by) {
    std::scoped_lock lock(mutex_);
    wall_ += by;
    steady_ += by;
  }
  // Wall time alone, as when an administrator sets the clock.
  void jump_wall(std::chrono::milliseconds by) {
    std::scoped_lock lock(mutex_);
    wall_ += by;
  }

 private:
  mutable std::mutex mutex_;
  WallTime wall_{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
  SteadyTime steady_{};
};

}  // namespace stoker
