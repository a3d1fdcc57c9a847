#include "submission/log_resumer.h"

#include <gtest/gtest.h>

#include <vector>

namespace stoker::submission {
namespace {

class LogResumerTest : public ::testing::Test {
 protected:
  void feed(std::string_view text) {
    lines_.feed(text, [this](std::string_view line) { seen_.emplace_back(line); });
  }
  std::vector<std::string> seen() const { return seen_; }

  LogResumer lines_;
  std::vector<std::string> seen_;
};

using Lines = std::vector<std::string>;

TEST_F(LogResumerTest, HandsLinesOnWithoutTheirTimes) {
  feed("2026-01-01T00:00:00.1Z one\n2026-01-01T00:00:00.2Z tw");
  EXPECT_EQ(seen(), Lines{"one\n"});
  feed("o\n2026-01-01T00:00:01.0Z \n");
  EXPECT_EQ(seen(), (Lines{"one\n", "two\n", "\n"}));
  EXPECT_EQ(lines_.since_time(), "2026-01-01T00:00:01Z");
}

TEST_F(LogResumerTest, GoesOnWhereItWasAfterAReconnect) {
  EXPECT_EQ(lines_.since_time(), "");
  feed("2026-01-01T00:00:05.1Z a\n2026-01-01T00:00:05.2Z b\n2026-01-01T00:00:05.3Z half");
  lines_.disconnected();
  EXPECT_EQ(lines_.since_time(), "2026-01-01T00:00:05Z");
  // The log comes again from the beginning of that second.
  feed("2026-01-01T00:00:05.1Z a\n2026-01-01T00:00:05.2Z b\n2026-01-01T00:00:05.3Z half a line\n");
  EXPECT_EQ(seen(), (Lines{"a\n", "b\n", "half a line\n"}));
}

TEST_F(LogResumerTest, CountsLinesOfOneTime) {
  feed("2026-01-01T00:00:05.1Z a\n2026-01-01T00:00:05.1Z a\n");
  lines_.disconnected();
  feed("2026-01-01T00:00:05.1Z a\n2026-01-01T00:00:05.1Z a\n2026-01-01T00:00:05.1Z a\n");
  EXPECT_EQ(seen(), (Lines{"a\n", "a\n", "a\n"}));
}

TEST_F(LogResumerTest, HandsOnWhatHasAnEarlierTimeThanTheLineBefore) {
  feed("2026-01-01T00:00:05.2Z error\n2026-01-01T00:00:05.1Z output\n2026-01-01T00:00:04.9Z set back\n");
  EXPECT_EQ(seen(), (Lines{"error\n", "output\n", "set back\n"}));
  EXPECT_EQ(lines_.since_time(), "2026-01-01T00:00:04Z");
  lines_.disconnected();  // all of them come again, and one more
  feed("2026-01-01T00:00:05.2Z error\n2026-01-01T00:00:05.1Z output\n2026-01-01T00:00:04.9Z set back\n");
  feed("2026-01-01T00:00:04.95Z new\n");
  EXPECT_EQ(seen(), (Lines{"error\n", "output\n", "set back\n", "new\n"}));
}

TEST_F(LogResumerTest, ShowsNothingFromBeforeTheTailAfterAReconnect) {
  LogResumer tail(/*from_tail=*/true);
  const auto keep = [this](std::string_view line) { seen_.emplace_back(line); };
  tail.feed("2026-01-01T00:00:05.2Z b\n", keep);
  tail.disconnected();
  tail.feed("2026-01-01T00:00:05.1Z a\n2026-01-01T00:00:05.2Z b\n2026-01-01T00:00:05.3Z c\n", keep);
  EXPECT_EQ(seen(), (Lines{"b\n", "c\n"}));
}

TEST_F(LogResumerTest, GoesOnAmongTimesThatAreNotInOrder) {
  const std::string first = "2026-01-01T00:00:05.2Z a\n2026-01-01T00:00:05.1Z b\n";
  feed(first);
  lines_.disconnected();
  feed(first + "2026-01-01T00:00:05.15Z c\n");
  lines_.disconnected();
  feed(first + "2026-01-01T00:00:05.15Z c\n2026-01-01T00:00:06.0Z d\n");
  EXPECT_EQ(seen(), (Lines{"a\n", "b\n", "c\n", "d\n"}));
}

TEST_F(LogResumerTest, GoesOnAfterALogThatWasRotatedAway) {
  feed("2026-01-01T00:00:05.1Z a\n2026-01-01T00:00:05.2Z b\n");
  lines_.disconnected();
  feed("2026-01-01T00:00:05.3Z c\n2026-01-01T00:00:06.0Z d\n");
  EXPECT_EQ(seen(), (Lines{"a\n", "b\n", "c\n", "d\n"}));
}

TEST_F(LogResumerTest, KeepsTheZoneOfTheNode) {
  feed("2026-01-01T08:00:05.123456789+08:00 a\n");
  EXPECT_EQ(lines_.since_time(), "2026-01-01T08:00:05+08:00");
  feed("2026-01-01T08:00:06-03:30 b\n");
  EXPECT_EQ(lines_.since_time(), "2026-01-01T08:00:06-03:30");
}

TEST_F(LogResumerTest, KnowsAllLinesOfABurstAgain) {
  constexpr std::size_t kLines = 2 * LogResumer::kRememberedLines;
  std::string burst;
  for (std::size_t i = 0; i < kLines; ++i)
    burst += "2026-01-01T00:00:05." + std::to_string(100'000 + i) + "Z line\n";
  feed(burst);
  lines_.disconnected();
  feed(burst + "2026-01-01T00:00:05.9Z last\n");
  EXPECT_EQ(seen().size(), kLines + 1);
  EXPECT_EQ(seen_.back(), "last\n");
}

TEST_F(LogResumerTest, CutsALineWithoutAnEnd) {
  feed("2026-01-01T00:00:05.1Z " + std::string(LogResumer::kMaximumLineBytes, 'x'));
  ASSERT_EQ(seen().size(), 1U);
  feed("yy\n");
  EXPECT_EQ(seen().back(), "yy\n");
}

TEST_F(LogResumerTest, HandsALongLineOnOnce) {
  const std::string line = "2026-01-01T00:00:05.1Z " + std::string(3 * LogResumer::kMaximumLineBytes, 'x') + "\n";
  const auto feed_in_pieces = [&] {
    for (std::size_t at = 0; at < line.size(); at += 10'000)
      feed(std::string_view(line).substr(at, 10'000));
  };
  feed_in_pieces();
  lines_.disconnected();
  feed_in_pieces();
  std::size_t bytes = 0;
  for (const std::string& piece : seen())
    bytes += piece.size();
  EXPECT_EQ(bytes, 3 * LogResumer::kMaximumLineBytes + 1);
}

TEST_F(LogResumerTest, HandsOnAnUnfinishedLineAtTheEnd) {
  feed("2026-01-01T00:00:05.1Z no newline");
  lines_.flush([this](std::string_view line) { seen_.emplace_back(line); });
  EXPECT_EQ(seen(), Lines{"no newline"});
}

TEST_F(LogResumerTest, KeepsWhatHasNoTime) {
  feed("unable to retrieve container logs\nfailed\n");
  EXPECT_EQ(seen(), (Lines{"unable to retrieve container logs\n", "failed\n"}));
}

}  // namespace
}  // namespace stoker::submission
