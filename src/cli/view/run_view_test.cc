#include "cli/view/run_view.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cli/view/plain_view.h"
#include "cli/view/screen.h"
#include "cli/view/text_width.h"

namespace stoker::cli {
namespace {

using namespace std::chrono_literals;

std::string plain(const Line& line) {
  return paint(line, {.colour = false, .unicode = true});
}

class RunViewTest : public testing::Test {
 protected:
  void on(std::string_view event) {
    clock_.advance(100ms);
    view_.apply(codec::parse_json(event).value().get_object(), clock_.steady_now());
  }
  std::vector<std::string> shown(std::size_t columns = 80, std::size_t rows = 24) {
    std::vector<std::string> out;
    for (const auto& line : view_.lines(columns, rows, clock_.steady_now()))
      out.push_back(plain(line));
    return out;
  }

  ManualClock clock_;
  RunView view_{"demo", {"load", "train", "report"}};
};

TEST_F(RunViewTest, FollowsARunFromWaitingToItsEnd) {
  on(R"({"type":"run.started","run":"20260101-000000-abcd","pipeline":"demo"})");
  on(R"({"type":"step.started","step":"load","attempt":1})");
  auto lines = shown();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_NE(lines[0].find("20260101-000000-abcd"), std::string::npos);
  EXPECT_NE(lines[1].find("● load"), std::string::npos);
  EXPECT_NE(lines[2].find("· train"), std::string::npos);

  on(R"({"type":"step.succeeded","step":"load","cached":true,"duration_ms":1})");
  on(R"({"type":"step.started","step":"train","attempt":2})");
  on(R"({"type":"progress","step":"train","stages":[{"name":"collect at x.py:3","done":3,"total":10}]})");
  lines = shown();
  EXPECT_NE(lines[1].find("cached"), std::string::npos);
  EXPECT_NE(lines[2].find("attempt 2"), std::string::npos);
  EXPECT_NE(lines[2].find("3/10 collect"), std::string::npos);

  on(R"({"type":"step.failed","step":"train","duration_ms":2100,"error":{"type":"ValueError","message":"no\ncolumn"}})");
  on(R"({"type":"step.skipped","step":"report","reason":"train failed"})");
  on(R"({"type":"run.finished","state":"failed","duration_ms":65000})");
  lines = shown();
  EXPECT_NE(lines[0].find("failed in 1 min 05 s"), std::string::npos);
  EXPECT_NE(lines[2].find("ValueError: no column"), std::string::npos);
  EXPECT_NE(lines[2].find("2.1 s"), std::string::npos);
  EXPECT_TRUE(view_.finished());
}

TEST_F(RunViewTest, FoldsInstancesIntoCountsAndShowsThoseThatRun) {
  on(R"({"type":"step.expanded","step":"train","count":20})");
  for (int i = 0; i < 5; ++i)
    on(fmt::format(R"({{"type":"step.succeeded","step":"train[{}]","duration_ms":5}})", i));
  on(R"({"type":"step.started","step":"train[5]","attempt":1})");
  const auto lines = shown();
  EXPECT_NE(lines[2].find("5/20"), std::string::npos);
  EXPECT_NE(lines[3].find("  ● train[5]"), std::string::npos);
}

TEST_F(RunViewTest, ShowsWhatRunsBeforeWhatFailed) {
  on(R"({"type":"step.expanded","step":"train","count":200})");
  for (int i = 0; i < 40; ++i) {
    on(fmt::format(R"({{"type":"step.started","step":"train[{}]","attempt":1}})", i));
    on(fmt::format(R"({{"type":"step.failed","step":"train[{}]","class":"userCode"}})", i));
  }
  on(R"({"type":"step.started","step":"train[40]","attempt":1})");
  const auto lines = shown(80, 10);
  EXPECT_EQ(lines.size(), 10U);
  EXPECT_NE(lines[2].find("40/200, 40 failed"), std::string::npos) << lines[2];
  EXPECT_NE(lines[3].find("● train[40]"), std::string::npos) << lines[3];
  EXPECT_NE(lines[4].find("✗ train[0]"), std::string::npos) << lines[4];
}

TEST_F(RunViewTest, SaysThatACancelWasHeard) {
  on(R"({"type":"run.started","run":"20260101-000000-abcd"})");
  on(R"({"type":"run.stopping","reason":"cancel","level":1})");
  EXPECT_NE(shown()[0].find("cancelling"), std::string::npos) << shown()[0];
  on(R"({"type":"run.finished","state":"cancelled","duration_ms":100})");
  EXPECT_EQ(shown()[0].find("cancelling"), std::string::npos) << shown()[0];
}

TEST_F(RunViewTest, CountsWhatASubPipelineDoes) {
  on(R"({"type":"step.ready","step":"train/fit"})");
  on(R"({"type":"step.expanded","step":"train/fit","count":2})");
  on(R"({"type":"step.succeeded","step":"train/fit[0]","duration_ms":5})");
  on(R"({"type":"step.succeeded","step":"train/fit[1]","duration_ms":5})");
  EXPECT_NE(shown()[2].find("2/3"), std::string::npos) << shown()[2];
}

TEST(RunView, DrawsTheRunningStepOfAHugeGraph) {
  std::vector<std::string> names;
  for (int i = 0; i < 100'000; ++i)
    names.push_back(fmt::format("step_{}", i));
  RunView view("huge", names);
  view.apply(json::object{{"type", "step.started"}, {"step", "step_50000"}, {"attempt", 1}}, SteadyTime{});
  const auto lines = view.lines(80, 24, SteadyTime{});
  EXPECT_LE(lines.size(), 24U);
  EXPECT_TRUE(std::any_of(lines.begin(), lines.end(),
                          [](const auto& line) { return plain(line).find("● step_50000") != std::string::npos; }));
}

TEST_F(RunViewTest, NeverExceedsTheTerminal) {
  on(R"({"type":"run.started","run":"20260101-000000-abcd"})");
  on(R"({"type":"step.expanded","step":"train","count":1000})");
  for (int i = 0; i < 50; ++i)
    on(fmt::format(R"({{"type":"step.started","step":"train[{}]","attempt":3}})", i));
  on(R"({"type":"progress","step":"train[1]","label":"日本語のステージ名はとても長いです","done":1,"total":7})");
  on(R"({"type":"step.failed","step":"load","error":{"message":"\u001b[2J bad \u0007 bytes"}})");
  for (std::size_t columns = 1; columns <= 130; ++columns) {
    for (std::size_t rows = 1; rows <= 30; rows += 3) {
      const auto lines = shown(columns, rows);
      EXPECT_LE(lines.size(), rows);
      for (const auto& line : lines)
        EXPECT_LE(text_width(line), columns) << columns << ": " << line;
    }
  }
  for (const auto& line : shown())
    EXPECT_EQ(line.find('\x1b'), std::string::npos) << line;
}

TEST(Screen, WritesOnlyWhatChanged) {
  Screen screen({.colour = false, .unicode = true});
  const std::vector<Line> before = {{{"one", Colour::plain}}, {{"two", Colour::plain}}};
  const std::vector<Line> after = {{{"one", Colour::plain}}, {{"2", Colour::plain}}};
  EXPECT_NE(screen.frame(before, 80).find("two"), std::string::npos);
  EXPECT_EQ(screen.frame(before, 80), "");
  const auto bytes = screen.frame(after, 80);
  EXPECT_EQ(bytes.find("one"), std::string::npos);
  EXPECT_NE(bytes.find('2'), std::string::npos);
}

TEST(Screen, UsesPlainMarksWithoutUnicode) {
  EXPECT_EQ(paint({{"✓ load …", Colour::green}}, {.colour = false, .unicode = false}), "+ load ~");
}

TEST(FailureReport, StaysUnderFifteenLines) {
  std::string traceback = "Traceback (most recent call last):\n";
  for (int i = 0; i < 40; ++i)
    traceback += "  File \"a.py\", line 1, in f\n";
  json::object failure = {
      {"step", "train[3]"},
      {"class", "userCode"},
      {"logs", {{"stderr", "/store/runs/x/stderr.log"}}},
      {"error", {{"type", "ValueError"}, {"message", "column 'radius' not found"}, {"traceback", traceback}}}};
  const auto report = failure_report(std::vector<json::object>(30, failure), "20260101-000000-abcd", 80);
  EXPECT_LT(std::count(report.begin(), report.end(), '\n'), 15);
  EXPECT_NE(report.find("train[3]"), std::string::npos);
  EXPECT_NE(report.find("column 'radius' not found"), std::string::npos);
  EXPECT_NE(report.find("/store/runs/x/stderr.log"), std::string::npos);
  EXPECT_NE(report.find("stoker runs resume 20260101-000000-abcd"), std::string::npos);
}

TEST(FailureReport, OfAPipelineWithParametersSaysHowToChangeOne) {
  json::object failure = {{"step", "a"}, {"class", "userCode"}, {"error", {{"message", "no such file"}}}};
  EXPECT_EQ(failure_report({failure}, "r", 80).find("parameter"), std::string::npos);
  const auto report = failure_report(std::vector<json::object>(30, failure), "r", 80, /*has_parameters=*/true);
  EXPECT_NE(report.find("to change a parameter, run it again"), std::string::npos) << report;
  EXPECT_LT(std::count(report.begin(), report.end(), '\n'), 15);
}

TEST(FailureReport, CutsATracebackBetweenFrames) {
  std::string traceback = "Traceback (most recent call last):\n";
  for (int i = 0; i < 9; ++i)
    traceback += fmt::format("  File \"a.py\", line {}, in f\n    f()\n    ^^^\n", i);
  const json::object failure = {{"step", "a"}, {"error", {{"type", "E"}, {"traceback", traceback + "E: x\n"}}}};
  const auto report = failure_report({failure}, "r", 80);
  EXPECT_NE(report.find("    …\n    File \"a.py\", line 7"), std::string::npos) << report;
  EXPECT_NE(report.find("  E: x\n"), std::string::npos) << report;
}

TEST(PlainLine, SaysWhenAStepIsTriedAgain) {
  json::object event = {{"type", "step.retrying"},
                        {"time", "2026-11-21T11:42:33.123Z"},
                        {"step", "load"},
                        {"delay_ms", 5000},
                        {"error", {{"message", "lost"}}}};
  EXPECT_EQ(plain_line(event), "11:42:33 load failed (lost), again in 5.0 s");
  event["delay_ms"] = 0;
  EXPECT_EQ(plain_line(event), "11:42:33 load failed (lost), again at once");
}

TEST(PlainLine, HasALineForWhatAPersonWaitsFor) {
  const auto event = codec::parse_json(
      R"({"type":"step.succeeded","time":"2026-11-21T11:42:33.123Z","step":"load","cached":false,"duration_ms":1500,"metrics":{"auc":0.5}})");
  EXPECT_EQ(plain_line(event.value().get_object()), "11:42:33 load succeeded in 1.5 s  auc=0.5");
  EXPECT_EQ(plain_line(json::object{{"type", "progress"}, {"step", "load"}}), std::nullopt);
  EXPECT_EQ(plain_line(json::object{{"type", "run.stopping"}, {"run", "r"}, {"reason", "cancel"}, {"level", 2}}),
            "--:--:-- run r is being cancelled at once");
}

TEST(TextWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(text_width("abc"), 3U);
  EXPECT_EQ(text_width("日本"), 4U);
  EXPECT_EQ(text_width("e\u0301"), 1U);
  EXPECT_EQ(fit("日本語", 4), "日…");
  EXPECT_EQ(fit("abc", 0), "");
  EXPECT_EQ(one_line("a\nb\x1b[0m\xff"), "a b\uFFFD[0m\uFFFD");
}

}  // namespace
}  // namespace stoker::cli
