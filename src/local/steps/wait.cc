#include "local/steps/wait.h"

#include <algorithm>
#include <utility>

#include "codec/duration.h"
#include "codec/time.h"

namespace stoker::local {

WaitAttempt::~WaitAttempt() {
  services_.loop.cancel(timer_);
  services_.watcher.forget(watch_);
}

void WaitAttempt::begin() {
  const auto& wait = std::get<pipeline::WaitStep>(spec_.step->body);
  if (wait.duration) {
    auto duration = codec::parse_duration(*wait.duration);
    if (!duration) return fail(duration.error());
    events_.started(spec_.id, std::nullopt);
    timer_ = services_.loop.after(*duration, weakly(this, &WaitAttempt::succeed));
  } else if (wait.until) {
    auto time = codec::parse_time(*wait.until);
    if (!time) return fail(time.error());
    events_.started(spec_.id, std::nullopt);
    wait_until(*time);
  } else if (wait.file) {
    std::filesystem::path path = spec_.run->project_root / *wait.file;
    events_.started(spec_.id, std::nullopt);
    auto look = weakly(this, &WaitAttempt::look_for_file);
    watch_ = services_.watcher.watch(path, [look, path] { look(path); });
  } else {
    fail(Error{.code = ErrorCode::invalid_document, .message = "a wait step needs duration, until or file"});
  }
}

void WaitAttempt::wait_until(WallTime time) {
  auto rest = time - services_.clock.wall_now();
  if (rest <= rest.zero()) return succeed();
  auto look = weakly(this, &WaitAttempt::wait_until);
  timer_ = services_.loop.after(std::min<std::chrono::milliseconds>(rest, kClockLook), [look, time] { look(time); });
}

void WaitAttempt::look_for_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) succeed();
}

void WaitAttempt::succeed() {
  engine::AttemptResult result;
  result.succeeded = true;
  finish(std::move(result));
}

void WaitAttempt::cancel(std::chrono::milliseconds) {
  finish_cancelled();
}

}  // namespace stoker::local
