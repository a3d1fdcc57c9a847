#include "cli/view/plain_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/view/event_text.h"
#include "cli/view/run_view.h"
#include "cli/view/text_width.h"
#include "codec/json_fields.h"

namespace stoker::cli {

using codec::flag_of;
using codec::number_of;
using codec::object_of;
using codec::text_of;

namespace {

// With several failures the first ones are shown and the rest counted, so that the report stays under 15 lines.
constexpr std::size_t kReportLines = 14;
constexpr std::size_t kTracebackLines = 8;

std::string clock_time(const json::object& event) {
  const auto time = text_of(event, "time");  // 2026-11-21T11:42:33.123Z
  return time.size() >= 19 ? time.substr(11, 8) : "--:--:--";
}

std::vector<std::string> traceback_of(const json::object& failure) {
  std::vector<std::string> lines;
  for (const auto& line : split(text_of(object_of(failure, "error"), "traceback"), '\n')) {
    if (!trim(line).empty()) lines.push_back(line);
  }
  if (lines.size() > kTracebackLines) {
    // The end of a traceback says most: the innermost frames and the error itself. A frame that was cut in two goes.
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kTracebackLines - 1));
    const auto frame =
        std::find_if(lines.begin(), lines.end(), [](const auto& line) { return trim(line).starts_with("File \""); });
    if (frame != lines.end()) lines.erase(lines.begin(), frame);
    lines.insert(lines.begin(), "  …");
  }
  return lines;
}

}  // namespace

std::optional<std::string> plain_line(const json::object& event) {
  const auto type = text_of(event, "type");
  const auto step = text_of(event, "step");
  const auto line = [&](const std::string& rest) { return clock_time(event) + " " + rest; };
  const auto took = [&] { return human_duration(std::chrono::milliseconds(number_of(event, "duration_ms"))); };
  if (type == "run.started")
    return line(fmt::format("run {} of {} started", text_of(event, "run"), text_of(event, "pipeline")));
  if (type == "run.resumed") return line(fmt::format("run {} resumed", text_of(event, "run")));
  if (type == "run.stopping") {
    if (text_of(event, "reason") == "timeout") return line(fmt::format("run {} is out of time", text_of(event, "run")));
    const bool at_once = number_of(event, "level", 1) > 1;
    return line(fmt::format("run {} is being cancelled{}", text_of(event, "run"), at_once ? " at once" : ""));
  }
  if (type == "step.started") {
    const auto attempt = number_of(event, "attempt", 1);
    return line(step + " started" + (attempt > 1 ? fmt::format(", attempt {}", attempt) : ""));
  }
  if (type == "step.expanded") return line(fmt::format("{} expands to {} instances", step, number_of(event, "count")));
  if (type == "step.retrying") {
    return line(fmt::format("{} failed ({}), {}", step, error_text(event), again_text(event)));
  }
  if (type == "step.succeeded") {
    const auto metrics = metrics_text(object_of(event, "metrics"));
    const auto note = text_of(object_of(event, "cache"), "note");
    return line(step + (flag_of(event, "cached") ? " cached" : " succeeded in " + took()) +
                (note.empty() ? "" : " (" + one_line(note) + ")") + (metrics.empty() ? "" : "  " + metrics));
  }
  if (type == "step.failed") return line(fmt::format("{} failed in {}: {}", step, took(), error_text(event)));
  if (type == "step.skipped") return line(fmt::format("{} skipped: {}", step, one_line(text_of(event, "reason"))));
  if (type == "step.cancelled") return line(step + " cancelled");
  if (type == "run.finished") {
    return line(fmt::format("run {} {} in {}", text_of(event, "run"), text_of(event, "state"), took()));
  }
  return std::nullopt;
}

std::string failure_report(const std::vector<json::object>& failures, const std::string& run_id, std::size_t columns,
                           bool has_parameters) {
  std::vector<std::string> lines;
  const std::size_t kept = has_parameters ? 3 : 2;  // for the count of the rest, and what to do
  std::size_t shown = 0;
  for (const auto& failure : failures) {
    std::vector<std::string> block;
    block.push_back(fmt::format("step {} failed ({}): {}", text_of(failure, "step"), text_of(failure, "class"),
                                error_text(failure)));
    for (const auto& line : traceback_of(failure))
      block.push_back("  " + line);
    if (const auto hint = text_of(object_of(failure, "error"), "hint"); !hint.empty())
      block.push_back("  " + one_line(hint));
    if (const auto log = text_of(object_of(failure, "logs"), "stderr"); !log.empty()) block.push_back("  log: " + log);
    // Later failures shrink to one line.
    if (lines.size() + block.size() + kept > kReportLines) block.resize(1);
    if (lines.size() + block.size() + kept > kReportLines) break;
    lines.insert(lines.end(), block.begin(), block.end());
    ++shown;
  }
  if (shown < failures.size()) {
    lines.push_back(fmt::format("and {} more; see them with: stoker runs show {}", failures.size() - shown, run_id));
  }
  if (!run_id.empty()) lines.push_back(fmt::format("after a fix, finish this run with: stoker runs resume {}", run_id));
  if (has_parameters)
    lines.emplace_back("to change a parameter, run it again: what does not read it comes from the cache");
  std::string report;
  for (const auto& line : lines) {
    const bool is_path = line.find("log: ") != std::string::npos || line.find("stoker runs") != std::string::npos;
    report += (is_path ? line : fit(one_line(line), columns)) + "\n";
  }
  return report;
}

}  // namespace stoker::cli
