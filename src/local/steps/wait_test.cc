#include <gmock/gmock.h>

#include "codec/time.h"
#include "local/test_support.h"

namespace stoker::local {
namespace {

class LocalWait : public LocalRunnerTest {
 protected:
  engine::AttemptSpec wait(pipeline::WaitStep body) {
    pipeline::Step step;
    step.body = std::move(body);
    return attempt(std::move(step));
  }
};

TEST_F(LocalWait, EndsAfterItsDuration) {
  EXPECT_TRUE(run(wait({.duration = "1ms"})).succeeded);
}

TEST_F(LocalWait, EndsAtATimeThatHasPassed) {
  EXPECT_TRUE(run(wait({.until = "2020-01-01T00:00:00Z"})).succeeded);
}

TEST_F(LocalWait, EndsWhenAFileComes) {
  auto spec = wait({.file = "below/flag"});
  runner().start(spec, events_);
  events_.wait_started(spec.id);
  EXPECT_FALSE(events_.is_finished(spec.id));
  ASSERT_TRUE(runtime::make_directories(run_->project_root / "below"));
  ASSERT_TRUE(runtime::write_file(run_->project_root / "below" / "flag", ""));
  EXPECT_TRUE(events_.wait(spec.id).succeeded);
}

TEST_F(LocalWait, CanBeCancelled) {
  auto spec = wait({.duration = "1h"});
  runner().start(spec, events_);
  events_.wait_started(spec.id);
  runner().cancel(spec.id, std::chrono::hours(1));
  EXPECT_EQ(events_.wait(spec.id).error.failure_class, pipeline::FailureClass::cancelled);
}

TEST_F(LocalWait, RefusesWhatIsNoTime) {
  EXPECT_THAT(run(wait({.until = "tomorrow"})).error.message, testing::HasSubstr("\"tomorrow\" is no time"));
}

TEST(ParseTime, ReadsRfc3339) {
  using namespace std::chrono_literals;
  const auto midnight = codec::parse_time("2026-01-02").value();
  EXPECT_EQ(midnight, WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 2)));
  EXPECT_EQ(codec::parse_time("2026-01-02T03:04:05Z").value() - midnight, 3h + 4min + 5s);
  EXPECT_EQ(codec::parse_time("2026-01-02T03:04:05.1239Z").value() - midnight, 3h + 4min + 5s + 123ms);
  EXPECT_EQ(codec::parse_time("2026-01-02T03:00:00+01:30").value() - midnight, 1h + 30min);
  EXPECT_EQ(codec::parse_time("2026-01-02 03:00:00-01:00").value() - midnight, 4h);
  for (const auto* bad : {"", "2026", "2026-02-30", "2026-01-02T", "2026-01-02T25:00:00Z", "2026-01-02T03:04:05",
                          "2026-01-02T03:04:05Zx", "-026-01-01", "2026-01-02T03:04:05.Z"}) {
    EXPECT_FALSE(codec::parse_time(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace stoker::local
