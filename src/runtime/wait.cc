#include "runtime/wait.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace stoker::runtime {

Result<void> wait_for(const Context& context, const Clock& clock, std::chrono::milliseconds delay) {
  TRY(context.check(clock));
  const auto left = context.deadline.remaining(clock.steady_now());
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, context.stop, std::min(delay, left), [] { return false; });
  return context.check(clock);
}

}  // namespace stoker::runtime
