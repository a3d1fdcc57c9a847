// A `wait` step: a duration, until a time, or until a file exists. No process.
#pragma once

#include "local/attempt.h"

namespace stoker::local {

class WaitAttempt final : public LocalAttempt {
 public:
  using LocalAttempt::LocalAttempt;
  ~WaitAttempt() override;
  void begin() override;
  void cancel(std::chrono::milliseconds grace) override;

 private:
  // A wall-clock time is looked at this often: the clock may be set meanwhile.
  static constexpr std::chrono::milliseconds kClockLook{30'000};

  void wait_until(WallTime time);
  void look_for_file(const std::filesystem::path& path);
  void succeed();

  runtime::TimerId timer_ = runtime::TimerId::none;
  runtime::WatchId watch_ = runtime::WatchId::none;
};

}  // namespace stoker::local
