#include <gtest/gtest.h>

#include <cerrno>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/strings.h"

namespace stoker {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Error{.code = ErrorCode::invalid_value, .message = "odd"};
  return number / 2;
}

Result<int> quarter(int number) {
  TRY_ASSIGN(const int once, half(number));
  return half(once).with_context("second half");
}

TEST(Result, CarriesTheValueOrTheErrorUpwards) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(7).error().describe(), "odd");
  EXPECT_EQ(quarter(6).error().describe(), "second half: odd");
  EXPECT_EQ(quarter(6).error().code, ErrorCode::invalid_value);
}

TEST(Error, PrintsTheOutermostContextFirst) {
  const Error error = Error{.message = "x"}.with_context("inner").with_context("outer");
  EXPECT_EQ(error.describe(), "outer: inner: x");
}

TEST(Error, GivesSystemErrorsTheCodeTheyDeserve) {
  EXPECT_EQ(system_error("write", ENOSPC).code, ErrorCode::disk_full);
  EXPECT_EQ(system_error("open", EACCES).code, ErrorCode::permission);
  EXPECT_EQ(exit_code(ErrorCode::disk_full), 3);
  EXPECT_EQ(exit_code(ErrorCode::cancelled), 130);
}

TEST(Nearest, FindsTypingErrorsAndNothingElse) {
  const std::vector<std::string> keys = {"parameters", "steps", "outputs", "finally"};
  EXPECT_EQ(nearest("paramters", keys), "parameters");
  EXPECT_EQ(nearest("setps", keys), "steps");
  EXPECT_EQ(nearest("zebra", keys), std::nullopt);
  EXPECT_EQ(nearest("", keys), std::nullopt);
  EXPECT_EQ(did_you_mean("finaly", keys), "did you mean \"finally\"?");
}

TEST(Strings, SplitAndJoinAreInverse) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(join(split("a,,b", ','), ","), "a,,b");
  EXPECT_EQ(trim("  a b\n"), "a b");
  EXPECT_EQ(trim(" \t"), "");
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock;
  const auto wall = clock.wall_now();
  const auto steady = clock.steady_now();
  clock.jump_wall(std::chrono::hours(-2));
  EXPECT_EQ(clock.steady_now(), steady);
  clock.advance(std::chrono::seconds(3));
  EXPECT_EQ(clock.steady_now() - steady, std::chrono::seconds(3));
  EXPECT_EQ(clock.wall_now() - wall, std::chrono::seconds(3) - std::chrono::hours(2));
}

TEST(Guarded, ReachesTheDataOnlyThroughTheLock) {
  Guarded<int> counter(40);
  {
    auto locked = counter.lock();
    *locked += 1;
  }
  EXPECT_EQ(counter.with([](int& value) { return ++value; }), 42);
}

}  // namespace
}  // namespace stoker
