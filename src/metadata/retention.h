// Which runs and cache entries gc lets go: a pure decision. What artifacts then go follows from what is left
// (Store::apply_retention).
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "metadata/rows.h"

namespace stoker::metadata {

inline constexpr std::chrono::hours kDefaultKeepFor{30 * 24};
inline constexpr int kDefaultKeepLast = 10;

struct RetentionPolicy {
  // A run stays while either rule keeps it. Not set: the rule keeps nothing.
  std::optional<std::chrono::milliseconds> keep_for =
      kDefaultKeepFor;                              // since its end, or its start when it never ended
  std::optional<int> keep_last = kDefaultKeepLast;  // the newest of each pipeline
  // A cache entry stays this long after it was made or last hit.
  std::chrono::milliseconds keep_cache_for = kDefaultKeepFor;
};

struct RunFact {
  RunId id;
  PipelineName pipeline;
  RunState state = RunState::running;
  WallTime created{};
  std::optional<WallTime> finished;
};

struct CacheFact {
  std::string key;
  std::string variant;
  WallTime last_used{};
};

struct RetentionFacts {
  std::vector<RunFact> runs;
  std::vector<CacheFact> cache;
};

struct RetentionPlan {
  std::vector<RunId> runs;  // oldest first
  std::vector<CacheFact> cache;
};

// Runs in `owned` have an engine and stay whatever the policy says. A time in the future (the clock was set back)
// counts as now.
RetentionPlan plan_retention(const RetentionFacts& facts, const std::set<RunId>& owned, const RetentionPolicy& policy,
                             WallTime now);

}  // namespace stoker::metadata
