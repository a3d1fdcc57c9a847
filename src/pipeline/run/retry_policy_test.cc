#include "pipeline/run/retry_policy.h"

#include <gtest/gtest.h>

namespace stoker::pipeline {
namespace {

using std::chrono::milliseconds;

RetriesUsed used(std::initializer_list<std::pair<FailureClass, int>> counts) {
  RetriesUsed result{};
  for (const auto& [failure_class, count] : counts)
    result[static_cast<std::size_t>(failure_class)] = static_cast<std::uint8_t>(count);
  return result;
}

TEST(RetryPolicy, NoneByDefault) {
  EXPECT_EQ(decide_retry({}, {}, FailureClass::user_code, 0), std::nullopt);
}

TEST(RetryPolicy, DoublesUpToTheMaximumAndJitterOnlyShortens) {
  RetryPolicy policy{.attempts = 100, .backoff = milliseconds(1000), .maximum_backoff = milliseconds(5000)};
  EXPECT_EQ(decide_retry(policy, used({}), FailureClass::user_code, 0), milliseconds(1000));
  EXPECT_EQ(decide_retry(policy, used({{FailureClass::user_code, 1}}), FailureClass::user_code, 0), milliseconds(2000));
  EXPECT_EQ(decide_retry(policy, used({{FailureClass::user_code, 2}}), FailureClass::user_code, 0), milliseconds(4000));
  EXPECT_EQ(decide_retry(policy, used({{FailureClass::user_code, 3}}), FailureClass::user_code, 0), milliseconds(5000));
  EXPECT_EQ(decide_retry(policy, used({{FailureClass::user_code, 90}}), FailureClass::user_code, 0),
            milliseconds(5000));
  EXPECT_EQ(decide_retry(policy, used({}), FailureClass::user_code, 0.5), milliseconds(875));
}

TEST(RetryPolicy, ClassesNotNamedShareOneBudget) {
  RetryPolicy policy{.attempts = 2};
  EXPECT_TRUE(decide_retry(policy, used({{FailureClass::timeout, 1}}), FailureClass::user_code, 0));
  EXPECT_FALSE(decide_retry(policy, used({{FailureClass::timeout, 1}, {FailureClass::user_code, 1}}),
                            FailureClass::user_code, 0));
}

TEST(RetryPolicy, ANamedClassHasItsOwnBudget) {
  RetryPolicy policy{.attempts = 1, .by_class = {{FailureClass::node_lost, 3}, {FailureClass::user_code, 0}}};
  EXPECT_FALSE(decide_retry(policy, {}, FailureClass::user_code, 0));
  EXPECT_TRUE(decide_retry(policy, used({{FailureClass::node_lost, 2}}), FailureClass::node_lost, 0));
  EXPECT_FALSE(decide_retry(policy, used({{FailureClass::node_lost, 3}}), FailureClass::node_lost, 0));
  EXPECT_TRUE(decide_retry(policy, used({{FailureClass::node_lost, 3}}), FailureClass::timeout, 0));
}

TEST(RetryPolicy, CancelledIsNeverTriedAgain) {
  RetryPolicy policy{.attempts = 5, .by_class = {{FailureClass::cancelled, 5}}};
  EXPECT_FALSE(decide_retry(policy, {}, FailureClass::cancelled, 0));
}

}  // namespace
}  // namespace stoker::pipeline
