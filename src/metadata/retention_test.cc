#include "metadata/retention.h"

#include <gtest/gtest.h>

namespace stoker::metadata {
namespace {

using std::chrono::hours;

const WallTime kToday{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};

RunFact run(const std::string& id, const std::string& pipeline, int days_old, RunState state = RunState::succeeded) {
  const auto created = kToday - hours(24 * days_old);
  return {.id = RunId(id), .pipeline = PipelineName(pipeline), .state = state, .created = created, .finished = created};
}

std::vector<std::string> gone(const RetentionFacts& facts, const RetentionPolicy& policy,
                              const std::set<RunId>& owned = {}) {
  std::vector<std::string> names;
  for (const auto& id : plan_retention(facts, owned, policy, kToday).runs)
    names.push_back(id.str());
  return names;
}

using Names = std::vector<std::string>;

TEST(PlanRetention, ByAge) {
  const RetentionFacts facts{.runs = {run("young", "p", 1), run("old", "p", 9), run("older", "p", 10)}};
  EXPECT_EQ(gone(facts, {.keep_for = hours(48), .keep_last = std::nullopt}), (Names{"older", "old"}));
}

TEST(PlanRetention, ByCountOfEachPipeline) {
  const RetentionFacts facts{.runs = {run("p1", "p", 1), run("p2", "p", 2), run("p3", "p", 3), run("q9", "q", 9)}};
  EXPECT_EQ(gone(facts, {.keep_for = std::nullopt, .keep_last = 2}), (Names{"p3"}));
  EXPECT_EQ(gone(facts, {.keep_for = std::nullopt, .keep_last = 0}).size(), 4U);
}

TEST(PlanRetention, EitherRuleKeeps) {
  const RetentionFacts facts{.runs = {run("a", "p", 1), run("b", "p", 2), run("c", "p", 40)}};
  EXPECT_EQ(gone(facts, {.keep_for = hours(72), .keep_last = 1}), (Names{"c"}));
  EXPECT_TRUE(gone(facts, {.keep_for = hours(72), .keep_last = 3}).empty());
}

TEST(PlanRetention, NeverARunWithAnEngineButAnInterruptedOneLikeAnyOther) {
  const RetentionFacts facts{
      .runs = {run("live", "p", 90, RunState::running), run("dead", "p", 90, RunState::running)}};
  EXPECT_EQ(gone(facts, {.keep_for = hours(1), .keep_last = 0}, {RunId("live")}), (Names{"dead"}));
}

TEST(PlanRetention, AClockThatWentBackDeletesNothing) {
  const RetentionFacts facts{.runs = {run("future", "p", -400)}, .cache = {{"k", "v", kToday + hours(24 * 400)}}};
  const auto plan = plan_retention(facts, {}, {.keep_for = hours(1), .keep_last = 0}, kToday);
  EXPECT_TRUE(plan.runs.empty());
  EXPECT_TRUE(plan.cache.empty());
}

TEST(PlanRetention, CacheEntriesByLastUse) {
  const RetentionFacts facts{.cache = {{"new", "v", kToday - hours(1)}, {"old", "v", kToday - hours(100)}}};
  const auto plan = plan_retention(facts, {}, {.keep_cache_for = hours(50)}, kToday);
  ASSERT_EQ(plan.cache.size(), 1U);
  EXPECT_EQ(plan.cache[0].key, "old");
}

}  // namespace
}  // namespace stoker::metadata
