#include "cli/run_output.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/view/plain_view.h"
#include "codec/json_fields.h"

namespace stoker::cli {

using codec::object_of;
using codec::text_of;

namespace {

// Times on the tree move on without events; faster than this nobody can read.
constexpr std::chrono::milliseconds kFrameInterval{100};

}  // namespace

RunStyle run_style(const Program& program, const CommonOptions& common, bool plain, bool quiet) {
  if (common.json) return RunStyle::json;
  if (quiet) return RunStyle::quiet;
  return plain || !can_redraw(program, STDOUT_FILENO) ? RunStyle::plain : RunStyle::tree;
}

std::vector<std::string> step_names(const json::value& document) {
  std::vector<std::string> names;
  const auto* object = document.if_object();
  for (const auto* part : {"steps", "finally"}) {
    const auto* steps = object != nullptr ? object->if_contains(part) : nullptr;
    if (steps == nullptr || !steps->is_array()) continue;
    for (const auto& step : steps->get_array()) {
      const auto* fields = step.if_object();
      const auto* name = fields != nullptr ? fields->if_contains("name") : nullptr;
      if (name != nullptr && name->is_string()) names.emplace_back(name->get_string());
    }
  }
  return names;
}

RunOutput::RunOutput(const Program& program, const CommonOptions& common, RunStyle style, std::string pipeline,
                     const std::vector<std::string>& steps)
    : program_(program),
      style_(style),
      terminal_(terminal_style(program, common, STDOUT_FILENO)),
      view_(std::move(pipeline), steps),
      screen_(terminal_) {
  if (style_ == RunStyle::tree) drawer_ = std::thread([this] { draw_until_closed(); });
}

RunOutput::~RunOutput() {
  close();
}

void RunOutput::on_event(const json::object& event, std::chrono::milliseconds age) {
  std::unique_lock lock(mutex_);
  const auto type = text_of(event, "type");
  if (const auto run = text_of(event, "run"); !run.empty()) run_ = run;
  // A failed group (a foreach, a sub-pipeline) has no log of its own; its failure repeats that of what is inside.
  if (type == "step.failed" && (!object_of(event, "logs").empty() || failures_.empty())) failures_.push_back(event);
  if (type == "run.started") has_parameters_ = !object_of(event, "parameters").empty();
  view_.apply(event, program_.clock.steady_now() - age);
  switch (style_) {
    case RunStyle::json:
      print(codec::write_json(event) + "\n");
      std::fflush(stdout);
      break;
    case RunStyle::plain:
      if (const auto line = plain_line(event)) {
        print(*line + "\n");
        std::fflush(stdout);
      }
      break;
    case RunStyle::tree:  // the drawer comes by
    case RunStyle::quiet: break;
  }
}

void RunOutput::draw(std::unique_lock<std::mutex>&) {
  const auto size = terminal_size(STDOUT_FILENO);
  // One row is left for the cursor, one column so that no terminal wraps.
  const auto lines = view_.lines(size.columns > 1 ? size.columns - 1 : 1, size.rows > 1 ? size.rows - 1 : 1,
                                 program_.clock.steady_now());
  print(screen_.frame(lines, size.columns));
  std::fflush(stdout);
}

void RunOutput::draw_until_closed() {
  std::unique_lock lock(mutex_);
  while (!closed_) {
    draw(lock);
    // Events that come in a burst share a frame.
    changed_.wait_for(lock, kFrameInterval, [this] { return closed_; });
  }
}

void RunOutput::close() {
  {
    std::unique_lock lock(mutex_);
    if (closed_) return;
    closed_ = true;
    changed_.notify_one();
  }
  if (drawer_.joinable()) drawer_.join();
  std::unique_lock lock(mutex_);
  if (style_ == RunStyle::tree) {
    draw(lock);
    screen_.close();
  }
  if (style_ != RunStyle::json && !failures_.empty() && view_.state() == "failed") {
    const auto columns = is_terminal(STDERR_FILENO) ? terminal_size(STDERR_FILENO).columns : 160;
    std::string report = failure_report(failures_, run_, columns, has_parameters_);
    if (report.ends_with('\n')) report.pop_back();
    say("\n" + report);
  }
  if (style_ != RunStyle::json && view_.state() == "cancelled" && !run_.empty())
    say("finish this run with: stoker runs resume " + run_);
}

}  // namespace stoker::cli
