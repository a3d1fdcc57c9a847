#include "workers/pool_plan.h"

#include <gtest/gtest.h>

namespace stoker::workers {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

class PoolPlanTest : public testing::Test {
 protected:
  JvmFacts jvm(std::uint64_t id, std::string kind, JvmState state, std::chrono::seconds idle = 0s) {
    return {.id = JvmId{id},
            .fingerprint = std::move(kind),
            .working_directory = "/p",
            .state = state,
            .memory_bytes = kGiB,
            .idle_since = now_ - idle};
  }
  static RequestFacts request(std::uint64_t id, std::string kind) {
    return {.id = RequestId{id}, .fingerprint = std::move(kind), .working_directory = "/p", .memory_bytes = kGiB};
  }
  PoolPlan plan(const std::vector<JvmFacts>& jvms, const std::vector<RequestFacts>& waiting) {
    return plan_pool(now_, limits_, jvms, waiting);
  }

  SteadyTime now_{1000h};
  PoolLimits limits_{.jvms = 2, .memory_bytes = 4 * kGiB, .leases_per_jvm = 3, .idle = 600s};
};

TEST_F(PoolPlanTest, NothingToDo) {
  auto plan = this->plan({}, {});
  EXPECT_TRUE(plan.assign.empty() && plan.start.empty() && plan.end.empty());
  EXPECT_TRUE(plan.wake.is_never());
}

TEST_F(PoolPlanTest, AnIdleJvmOfTheSameKindIsLeased) {
  auto plan = this->plan({jvm(1, "a", JvmState::idle)}, {request(1, "a")});
  ASSERT_EQ(plan.assign.size(), 1u);
  EXPECT_EQ(plan.assign[0].jvm, JvmId{1});
  EXPECT_TRUE(plan.start.empty());
}

TEST_F(PoolPlanTest, AnyDifferenceOfKindStartsAnother) {
  auto plan = this->plan({jvm(1, "a", JvmState::idle)}, {request(1, "b")});
  EXPECT_TRUE(plan.assign.empty());
  ASSERT_EQ(plan.start.size(), 1u);
  EXPECT_TRUE(plan.end.empty());
}

TEST_F(PoolPlanTest, ParallelRequestsGetOneEach) {
  auto plan = this->plan({jvm(1, "a", JvmState::idle)}, {request(1, "a"), request(2, "a")});
  EXPECT_EQ(plan.assign.size(), 1u);
  EXPECT_EQ(plan.start, std::vector{RequestId{2}});
}

TEST_F(PoolPlanTest, WaitsInOrderAtTheLimit) {
  std::vector<JvmFacts> full = {jvm(1, "a", JvmState::leased), jvm(2, "a", JvmState::leased)};
  auto plan = this->plan(full, {request(1, "a"), request(2, "b")});
  EXPECT_TRUE(plan.assign.empty() && plan.start.empty() && plan.end.empty());
  // The first does not fit, so the second does not overtake it.
  full[1].state = JvmState::idle;
  full[1].fingerprint = "b";
  limits_.memory_bytes = 3 * kGiB;
  RequestFacts big = request(1, "c");
  big.memory_bytes = 3 * kGiB;
  plan = this->plan(full, {big, request(2, "b")});
  EXPECT_TRUE(plan.assign.empty() && plan.start.empty() && plan.end.empty());
}

TEST_F(PoolPlanTest, TheLongestIdleMakesRoom) {
  auto plan = this->plan({jvm(1, "a", JvmState::idle, 5s), jvm(2, "b", JvmState::idle, 50s)}, {request(1, "c")});
  EXPECT_EQ(plan.end, std::vector{JvmId{2}});
  EXPECT_TRUE(plan.start.empty());  // when it has gone
  auto later = this->plan({jvm(1, "a", JvmState::idle, 5s), jvm(2, "b", JvmState::ending)}, {request(1, "c")});
  EXPECT_TRUE(later.end.empty() && later.start.empty());
  later = this->plan({jvm(1, "a", JvmState::idle, 5s)}, {request(1, "c")});
  EXPECT_EQ(later.start.size(), 1u);
}

TEST_F(PoolPlanTest, MemoryLimits) {
  limits_.jvms = 10;
  limits_.memory_bytes = 2 * kGiB;
  auto plan = this->plan({jvm(1, "a", JvmState::leased)}, {request(1, "b"), request(2, "b")});
  EXPECT_EQ(plan.start, std::vector{RequestId{1}});
  RequestFacts huge = request(3, "b");
  huge.memory_bytes = 100 * kGiB;
  EXPECT_TRUE(this->plan({jvm(1, "a", JvmState::leased)}, {huge}).start.empty());
  EXPECT_EQ(this->plan({}, {huge}).start.size(), 1u);  // alone it may
}

TEST_F(PoolPlanTest, TheOneInTheSameFolderThenTheOneUsedLast) {
  limits_.jvms = 10;
  auto near = jvm(1, "a", JvmState::idle, 100s);
  auto far = jvm(2, "a", JvmState::idle, 1s);
  far.working_directory = "/other";
  EXPECT_EQ(plan({near, far}, {request(1, "a")}).assign[0].jvm, JvmId{1});
  far.working_directory = "/p";
  EXPECT_EQ(plan({near, far}, {request(1, "a")}).assign[0].jvm, JvmId{2});
}

TEST_F(PoolPlanTest, IdleTooLongEnds) {
  auto plan = this->plan({jvm(1, "a", JvmState::idle, 599s), jvm(2, "a", JvmState::idle, 600s)}, {});
  EXPECT_EQ(plan.end, std::vector{JvmId{2}});
  EXPECT_EQ(plan.wake.time(), now_ + 1s);
}

TEST_F(PoolPlanTest, WornEndsAndIsNotLeased) {
  auto worn = jvm(1, "a", JvmState::idle);
  worn.leases = 3;
  auto plan = this->plan({worn}, {request(1, "a")});
  EXPECT_EQ(plan.end, std::vector{JvmId{1}});
  EXPECT_TRUE(plan.assign.empty());
  EXPECT_EQ(plan.start.size(), 1u);
  auto asked = jvm(1, "a", JvmState::idle);
  asked.retire = true;
  EXPECT_EQ(this->plan({asked}, {}).end.size(), 1u);
}

TEST_F(PoolPlanTest, OneThatIsBeingCleanedIsWorthWaitingFor) {
  auto plan = this->plan({jvm(1, "a", JvmState::cleaning)}, {request(1, "a"), request(2, "a")});
  EXPECT_TRUE(plan.assign.empty());
  EXPECT_EQ(plan.start, std::vector{RequestId{2}});
  auto worn = jvm(1, "a", JvmState::cleaning);
  worn.leases = 3;
  EXPECT_EQ(this->plan({worn}, {request(1, "a")}).start.size(), 1u);
}

TEST_F(PoolPlanTest, ABusyOneIsWorthSomePatience) {
  limits_.patience = 10s;
  limits_.jvms = 10;
  limits_.memory_bytes = 0;
  RequestFacts patient = request(1, "a");
  patient.arrived = now_ - 9s;
  for (const JvmState state : {JvmState::leased, JvmState::starting}) {
    auto plan = this->plan({jvm(1, "a", state)}, {patient});
    EXPECT_TRUE(plan.start.empty()) << jvm_state_name(state);
    EXPECT_EQ(plan.wake.time(), now_ + 1s);
  }
  // Those behind it that want another kind do not wait for it.
  EXPECT_EQ(this->plan({jvm(1, "a", JvmState::leased)}, {patient, request(2, "b")}).start, std::vector{RequestId{2}});
  // Nothing to wait for: another kind, one that ends after its lease, a JVM of its own asked for.
  EXPECT_EQ(this->plan({jvm(1, "b", JvmState::leased)}, {patient}).start.size(), 1u);
  auto retiring = jvm(1, "a", JvmState::leased);
  retiring.retire = true;
  EXPECT_EQ(this->plan({retiring}, {patient}).start.size(), 1u);
  RequestFacts alone = patient;
  alone.single_use = true;
  EXPECT_EQ(this->plan({jvm(1, "a", JvmState::leased)}, {alone}).start.size(), 1u);
  patient.arrived = now_ - 10s;
  EXPECT_EQ(this->plan({jvm(1, "a", JvmState::leased)}, {patient}).start.size(), 1u);
}

TEST_F(PoolPlanTest, SingleUseNeverGetsAUsedOne) {
  RequestFacts alone = request(1, "a");
  alone.single_use = true;
  auto plan = this->plan({jvm(1, "a", JvmState::idle)}, {alone});
  EXPECT_TRUE(plan.assign.empty());
  EXPECT_EQ(plan.start.size(), 1u);
}

}  // namespace
}  // namespace stoker::workers
