#include "runtime/wait.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

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

Waiting real_waiting(const Clock& clock, std::function<std::uint64_t()> random_bits) {
  return {.wait = [&clock](const Context& context,
                           std::chrono::milliseconds delay) { return wait_for(context, clock, delay); },
          .random_bits = std::move(random_bits)};
}

std::chrono::milliseconds backoff(int next_try, std::chrono::milliseconds first, std::chrono::milliseconds longest,
                                  std::uint64_t random_bits) {
  std::chrono::milliseconds delay = first;
  for (int i = 2; i < next_try && delay < longest; ++i)
    delay *= 2;
  delay = std::min(delay, longest);
  const auto half = static_cast<std::uint64_t>(delay.count() / 2);
  return std::chrono::milliseconds(half + random_bits % (half + 1));
}

}  // namespace stoker::runtime
