#include "pipeline/run/run_state.h"

#include <gtest/gtest.h>

namespace stoker::pipeline {
namespace {

TEST(RunState, NamesRoundTrip) {
  for (int i = 0; i < 4; ++i) {
    const auto state = static_cast<RunState>(i);
    EXPECT_EQ(parse_run_state(run_state_name(state)), state);
  }
  for (int i = 0; i < 8; ++i) {
    const auto state = static_cast<StepState>(i);
    EXPECT_EQ(parse_step_state(step_state_name(state)), state);
  }
  for (int i = 0; i < 14; ++i) {
    const auto type = static_cast<RunEventType>(i);
    EXPECT_EQ(parse_run_event_type(run_event_name(type)), type);
  }
  EXPECT_EQ(parse_step_state("done"), std::nullopt);
  EXPECT_FALSE(is_terminal(StepState::retrying));
  EXPECT_TRUE(is_terminal(StepState::cancelled));
}

TEST(RunState, RetriesUsedRoundTrip) {
  RetriesUsed used{};
  EXPECT_EQ(retries_used_text(used), "");
  used[static_cast<std::size_t>(FailureClass::user_code)] = 1;
  used[static_cast<std::size_t>(FailureClass::node_lost)] = 3;
  EXPECT_EQ(retries_used_text(used), "userCode=1,nodeLost=3");
  EXPECT_EQ(*parse_retries_used("userCode=1,nodeLost=3"), used);
  EXPECT_FALSE(parse_retries_used("userCode").ok());
  EXPECT_FALSE(parse_retries_used("sorrow=1").ok());
  EXPECT_FALSE(parse_retries_used("userCode=999").ok());
}

TEST(RunState, EventIsOneFlatObject) {
  RunEvent event{7,
                 WallTime(std::chrono::milliseconds(1767225600123)),
                 RunEventType::step_expanded,
                 StepPath("tune"),
                 {{"count", 3}}};
  EXPECT_EQ(
      codec::write_json(event.to_json(RunId("r"))),
      R"({"version":1,"seq":7,"time":"2026-01-01T00:00:00.123Z","run":"r","type":"step.expanded","step":"tune","count":3})");
}

}  // namespace
}  // namespace stoker::pipeline
