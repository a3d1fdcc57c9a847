// LocalAttempt: one attempt on this machine, from begin() to its one finished().
//
// Lives on the loop's thread, owned by the LocalRunner through a shared_ptr: callbacks that come later hold a weak_ptr
// and find nothing.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "engine/runner.h"
#include "local/services.h"

namespace stoker::local {

class LocalAttempt : public std::enable_shared_from_this<LocalAttempt> {
 public:
  using Done = std::function<void(const engine::AttemptId&)>;

  LocalAttempt(engine::AttemptSpec spec, engine::AttemptEvents& events, LocalServices& services, Done done)
      : spec_(std::move(spec)), events_(events), services_(services), done_(std::move(done)) {}
  virtual ~LocalAttempt() = default;
  LocalAttempt(const LocalAttempt&) = delete;
  LocalAttempt& operator=(const LocalAttempt&) = delete;

  const engine::AttemptSpec& spec() const { return spec_; }

  // Both may finish the attempt before they return.
  virtual void begin() = 0;
  virtual void cancel(std::chrono::milliseconds grace) = 0;

 protected:
  bool finished() const { return finished_; }
  // Reports the result, once, then leaves the runner: `this` may be gone when it returns unless the caller holds it.
  void finish(engine::AttemptResult result);
  void fail(const Error& error);
  void finish_cancelled();
  // A line for people who follow the attempt.
  void note(const std::string& line) { events_.log_line(spec_.id, "stoker", line); }

  // A callback that does nothing once the attempt is gone. Attempt: the derived class.
  template <class Attempt, class Method>
  auto weakly(Attempt* self, Method method) {
    return [weak = weak_from_this(), self, method](auto&&... arguments) {
      if (auto alive = weak.lock()) (self->*method)(std::forward<decltype(arguments)>(arguments)...);
    };
  }

  engine::AttemptSpec spec_;
  engine::AttemptEvents& events_;
  LocalServices& services_;

 private:
  Done done_;
  bool finished_ = false;
};

}  // namespace stoker::local
