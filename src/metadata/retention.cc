#include "metadata/retention.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace stoker::metadata {

namespace {

bool within(WallTime moment, std::chrono::milliseconds span, WallTime now) {
  return now - moment <= span;
}

}  // namespace

RetentionPlan plan_retention(const RetentionFacts& facts, const std::set<RunId>& owned, const RetentionPolicy& policy,
                             WallTime now) {
  auto runs = facts.runs;
  std::sort(runs.begin(), runs.end(),
            [](const RunFact& a, const RunFact& b) { return std::tie(a.created, a.id) > std::tie(b.created, b.id); });
  RetentionPlan plan;
  std::map<PipelineName, int> seen;
  for (const auto& run : runs) {
    const bool among_last = policy.keep_last && seen[run.pipeline]++ < *policy.keep_last;
    const bool young = policy.keep_for && within(run.finished.value_or(run.created), *policy.keep_for, now);
    if (!among_last && !young && !owned.contains(run.id)) plan.runs.push_back(run.id);
  }
  std::reverse(plan.runs.begin(), plan.runs.end());
  for (const auto& entry : facts.cache) {
    if (!within(entry.last_used, policy.keep_cache_for, now)) plan.cache.push_back(entry);
  }
  return plan;
}

}  // namespace stoker::metadata
