#include "pipeline/run/retry_policy.h"

#include <algorithm>

namespace stoker::pipeline {

namespace {

// 2^40 times any backoff is beyond every maximum; more would overflow.
constexpr int kMaximumDoublings = 40;

Duration backoff_of(const RetryPolicy& policy, int retry, double jitter) {
  const double longest = static_cast<double>(policy.maximum_backoff.count());
  double delay = static_cast<double>(policy.backoff.count());
  for (int i = 0; i < std::min(retry, kMaximumDoublings) && delay < longest; ++i)
    delay *= 2;
  delay = std::min(delay, longest) * (1.0 - kRetryJitter * std::clamp(jitter, 0.0, 1.0));
  return Duration(static_cast<Duration::rep>(delay));
}

}  // namespace

std::optional<Duration> decide_retry(const RetryPolicy& policy, const RetriesUsed& used, FailureClass failure_class,
                                     double jitter) {
  if (failure_class == FailureClass::cancelled) return std::nullopt;
  int shared = 0;
  int all = 0;
  for (std::size_t i = 0; i < used.size(); ++i) {
    all += used[i];
    if (!policy.by_class.contains(static_cast<FailureClass>(i))) shared += used[i];
  }
  const auto own = policy.by_class.find(failure_class);
  const int budget = own != policy.by_class.end() ? own->second : policy.attempts;
  const int spent = own != policy.by_class.end() ? used[static_cast<std::size_t>(failure_class)] : shared;
  if (spent >= budget || used[static_cast<std::size_t>(failure_class)] == UINT8_MAX) return std::nullopt;
  return backoff_of(policy, all, jitter);
}

}  // namespace stoker::pipeline
