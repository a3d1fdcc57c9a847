// Deadline: a moment of steady time, or never. A value; it holds no clock, so `now` always comes from the caller's.
#pragma once

#include <algorithm>
#include <chrono>
#include <compare>

#include "base/clock.h"

namespace stoker::runtime {

class Deadline final {
 public:
  // Never passes.
  constexpr Deadline() = default;
  static constexpr Deadline never() { return {}; }
  static constexpr Deadline at(SteadyTime time) { return Deadline(time); }
  // A duration too long to be represented is never, not a moment in the past.
  static Deadline after(const Clock& clock, std::chrono::milliseconds duration) {
    SteadyTime now = clock.steady_now();
    if (duration >=
        std::chrono::duration_cast<std::chrono::milliseconds>(SteadyTime::max() - std::max(now, SteadyTime{}))) {
      return never();
    }
    return Deadline(now + duration);
  }

  bool is_never() const { return time_ == SteadyTime::max(); }
  SteadyTime time() const { return time_; }
  bool passed(SteadyTime now) const { return now >= time_ && !is_never(); }
  std::chrono::milliseconds remaining(SteadyTime now) const {
    if (is_never()) return std::chrono::milliseconds::max();
    return std::max(std::chrono::milliseconds(0), std::chrono::ceil<std::chrono::milliseconds>(time_ - now));
  }
  // As poll() takes it: -1 for never; rounded up, so that a wake-up never comes a moment early; at most an hour, after
  // which a loop looks again.
  int poll_timeout(SteadyTime now) const {
    if (is_never()) return -1;
    constexpr std::chrono::milliseconds kLongest = std::chrono::hours(1);
    return static_cast<int>(std::min(remaining(now), kLongest).count());
  }
  friend auto operator<=>(const Deadline&, const Deadline&) = default;

 private:
  explicit constexpr Deadline(SteadyTime time) : time_(time) {}
  SteadyTime time_ = SteadyTime::max();
};

}  // namespace stoker::runtime
