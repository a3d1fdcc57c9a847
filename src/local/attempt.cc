#include "local/attempt.h"

#include <utility>

#include "local/failure.h"

namespace stoker::local {

void LocalAttempt::finish(engine::AttemptResult result) {
  if (std::exchange(finished_, true)) return;
  auto self = shared_from_this();
  events_.finished(spec_.id, std::move(result));
  done_(spec_.id);
}

void LocalAttempt::fail(const Error& error) {
  engine::AttemptResult result;
  result.error = attempt_error(error);
  finish(std::move(result));
}

void LocalAttempt::finish_cancelled() {
  fail(Error{.code = ErrorCode::cancelled, .message = "cancelled"});
}

}  // namespace stoker::local
