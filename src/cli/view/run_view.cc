#include "cli/view/run_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/view/event_text.h"
#include "cli/view/text_width.h"
#include "codec/json_fields.h"

namespace stoker::cli {

using codec::flag_of;
using codec::number_of;
using codec::object_of;
using codec::text_of;

namespace {

using std::chrono::milliseconds;

// The step of the document that a path belongs to: "search" of "search[2]/train".
std::string top_of(const std::string& path) {
  return path.substr(0, path.find_first_of("[#/"));
}

struct Look {
  std::string_view mark;
  Colour colour;
};

Look look_of(const StepView& step) {
  switch (step.state) {
    case StepState::waiting: return {"·", Colour::dim};
    case StepState::ready: return {"○", Colour::plain};
    case StepState::running: return {"●", Colour::blue};
    case StepState::retrying: return {"↻", Colour::yellow};
    case StepState::succeeded: return {"✓", Colour::green};
    case StepState::failed: return {"✗", Colour::red};
    case StepState::skipped: return {"–", Colour::dim};
    case StepState::cancelled: return {"■", Colour::yellow};
  }
  return {"?", Colour::plain};
}

std::string bar(long done, long total, std::size_t cells) {
  const auto full =
      total <= 0 ? 0 : static_cast<std::size_t>(std::clamp(done, 0L, total) * static_cast<long>(cells) / total);
  std::string text;
  for (std::size_t i = 0; i < cells; ++i)
    text += i < full ? "━" : "─";
  return text;
}

bool has_ended(StepState state) {
  return state == StepState::succeeded || state == StepState::failed || state == StepState::skipped ||
         state == StepState::cancelled;
}

constexpr std::size_t kBarCells = 16;
constexpr std::size_t kDurationColumns = 10;
constexpr std::size_t kNarrow = 60;

}  // namespace

std::string human_duration(milliseconds duration) {
  const auto ms = std::max<long>(0, static_cast<long>(duration.count()));
  if (ms < 60'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000.0);
  const long seconds = ms / 1000;
  if (seconds < 3600) return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {:02} min", seconds / 3600, seconds % 3600 / 60);
}

std::string again_text(const json::object& event) {
  const auto delay_ms = number_of(event, "delay_ms");
  return delay_ms < 50 ? "again at once" : "again in " + human_duration(milliseconds(delay_ms));
}

std::string human_bytes(double bytes) {
  static constexpr std::array<std::string_view, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

RunView::RunView(std::string pipeline, const std::vector<std::string>& steps) : pipeline_(std::move(pipeline)) {
  for (const auto& name : steps)
    row_of(name);
}

RunView::Row& RunView::row_of(const std::string& name) {
  const auto [found, fresh] = index_.try_emplace(name, rows_.size());
  if (fresh) {
    rows_.emplace_back().step.path = name;
    name_columns_ = std::max(name_columns_, text_width(name));
  }
  return rows_[found->second];
}

// Of a foreach the instances count, not what is inside of them.
bool RunView::Row::counts(const std::string& path) const {
  return path != step.path && (!count || path.find_first_of("/#") == std::string::npos);
}

void RunView::apply(const json::object& event, SteadyTime now) {
  const auto type = text_of(event, "type");
  if (const auto run = text_of(event, "run"); !run.empty()) run_id_ = run;
  if (type == "run.started" || type == "run.resumed") {
    started_ = now;
    stopping_.clear();
  } else if (type == "run.stopping") {
    stopping_ = text_of(event, "reason") == "timeout" ? "out of time, ending" : "cancelling";
  } else if (type == "run.finished") {
    state_ = text_of(event, "state");
    duration_ = milliseconds(number_of(event, "duration_ms"));
  } else if (event.contains("step")) {
    apply_step(type, event, now);
  }
}

void RunView::apply_step(const std::string& type, const json::object& event, SteadyTime now) {
  const auto path = text_of(event, "step");
  auto& row = row_of(top_of(path));
  const bool inner = path != row.step.path;
  if (inner && row.inner.try_emplace(path, StepView{.path = path}).second) row.known += row.counts(path) ? 1 : 0;
  auto& step = inner ? row.inner.at(path) : row.step;
  const auto before = step.state;
  const auto finish = [&](StepState state) {
    step.state = state;
    step.progress.reset();
    step.duration =
        milliseconds(number_of(event, "duration_ms",
                               std::chrono::duration_cast<milliseconds>(
                                   step.started == SteadyTime{} ? SteadyTime::duration{} : now - step.started)
                                   .count()));
  };
  if (type == "step.ready") {
    step.state = StepState::ready;
  } else if (type == "step.expanded") {
    // Of a foreach inside a sub-pipeline only the instances that came are known.
    if (!inner) row.count = number_of(event, "count");
    step.state = StepState::running;
    step.started = now;
  } else if (type == "step.started") {
    step.state = StepState::running;
    step.started = now;
    step.attempt = static_cast<int>(number_of(event, "attempt", 1));
  } else if (type == "step.retrying") {
    step.state = StepState::retrying;
    step.progress.reset();
    step.note = fmt::format("{}, {}", error_text(event), again_text(event));
  } else if (type == "step.succeeded") {
    finish(StepState::succeeded);
    step.cached = flag_of(event, "cached");
    step.note = metrics_text(object_of(event, "metrics"));
  } else if (type == "step.failed") {
    finish(StepState::failed);
    step.note = error_text(event);
  } else if (type == "step.skipped") {
    step.state = StepState::skipped;
    step.note = one_line(text_of(event, "reason"));
  } else if (type == "step.cancelled") {
    finish(StepState::cancelled);
  } else if (type == "progress") {
    StageProgress progress{one_line(text_of(event, "label")), number_of(event, "done"), number_of(event, "total")};
    if (const auto* stages = event.if_contains("stages"); stages != nullptr && stages->is_array()) {
      for (const auto& stage : stages->get_array()) {
        if (!stage.is_object()) continue;
        if (progress.name.empty()) progress.name = one_line(text_of(stage.get_object(), "name"));
        progress.done += number_of(stage.get_object(), "done");
        progress.total += number_of(stage.get_object(), "total");
      }
    }
    step.progress = progress.total > 0 ? std::optional(progress) : std::nullopt;
  }
  if (!row.counts(path)) return;
  row.done += (has_ended(step.state) ? 1 : 0) - (has_ended(before) ? 1 : 0);
  row.failed += (step.state == StepState::failed ? 1 : 0) - (before == StepState::failed ? 1 : 0);
}

Line RunView::header(std::size_t columns, SteadyTime now) const {
  const auto elapsed =
      duration_ ? *duration_ : (started_ ? std::chrono::duration_cast<milliseconds>(now - *started_) : milliseconds(0));
  const auto what = !state_.empty() ? state_ + " in " : stopping_.empty() ? "" : stopping_ + "  ";
  const auto right = what + human_duration(elapsed);
  const auto right_width = std::min(text_width(right), columns);
  const auto left_columns = columns - right_width;
  const auto name = fit(pipeline_, left_columns);
  Line line{{name, Colour::bold}};
  line.push_back(
      {pad(text_width(name) + 3 < left_columns ? "  " + run_id_ : "", left_columns - text_width(name)), Colour::dim});
  const auto colour = state_ == "succeeded" ? Colour::green
                      : state_ == "failed"  ? Colour::red
                      : stopping_.empty()   ? Colour::plain
                                            : Colour::yellow;
  line.push_back({fit(right, right_width), colour});
  return line;
}

Line RunView::line_of(const StepView& step, const Row* row, std::size_t columns, std::size_t indent,
                      SteadyTime now) const {
  const auto look = look_of(step);
  const auto name_columns = std::min(name_columns_ + 2, std::max<std::size_t>(12, columns / 3));
  const std::string prefix = std::string(indent, ' ');

  std::string time;
  if (step.cached) {
    time = "cached";
  } else if (step.duration && step.state != StepState::skipped) {
    time = human_duration(*step.duration);
  } else if (step.state == StepState::running && step.started != SteadyTime{}) {
    time = human_duration(std::chrono::duration_cast<milliseconds>(now - step.started));
  }
  std::string middle = step.note;
  if (row != nullptr && (row->count || !row->inner.empty()) && step.note.empty()) {
    const auto total = row->count.value_or(row->known);
    middle = fmt::format("{} {}/{}{}", bar(row->done, total, kBarCells), row->done, total,
                         row->failed > 0 ? fmt::format(", {} failed", row->failed) : "");
  }
  if (step.progress) {
    const auto tasks = fmt::format("{}/{}", step.progress->done, step.progress->total);
    middle = columns < kNarrow ? tasks
                               : fmt::format("{} {} {}", bar(step.progress->done, step.progress->total, kBarCells),
                                             tasks, step.progress->name);
  }
  if (step.attempt > 1) middle = fmt::format("attempt {}{}{}", step.attempt, middle.empty() ? "" : "  ", middle);

  const std::size_t marks = indent + 2;
  if (columns <= marks) return {{fit(prefix + std::string(look.mark), columns), look.colour}};
  Line line{{prefix + std::string(look.mark) + " ", look.colour}};
  std::size_t left = columns - marks;
  const std::size_t time_columns = time.empty() ? 0 : std::min(left, std::max(kDurationColumns, text_width(time) + 1));
  left -= std::min(left, time_columns);
  const auto name = pad(step.path, std::min(left, std::max(name_columns, indent > 0 ? text_width(step.path) + 2 : 0)));
  line.push_back(
      {name, step.state == StepState::waiting || step.state == StepState::skipped ? Colour::dim : Colour::plain});
  left -= text_width(name);
  const auto note_colour = step.state == StepState::failed ? Colour::red : Colour::dim;
  line.push_back({pad(middle, left), note_colour});
  if (time_columns > 0) {
    const auto shown = fit(time, time_columns);
    line.push_back(
        {std::string(time_columns - text_width(shown), ' ') + shown, step.cached ? Colour::blue : Colour::dim});
  }
  return line;
}

// The steps that get lines: when not all fit, those that are done or wait make room for those that are not.
std::vector<const RunView::Row*> RunView::fitting(std::size_t rows) const {
  const auto quiet = [](const Row& row) {
    return row.step.state == StepState::succeeded || row.step.state == StepState::waiting ||
           row.step.state == StepState::skipped;
  };
  // The header, and the line that counts the hidden ones.
  std::size_t excess = rows_.size() + 2 > rows ? rows_.size() + 2 - rows : 0;
  std::vector<const Row*> shown;
  for (const auto& row : rows_) {
    if (excess > 0 && quiet(row)) {
      --excess;
    } else {
      shown.push_back(&row);
    }
  }
  shown.resize(shown.size() - std::min(excess, shown.size()));
  return shown;
}

std::vector<Line> RunView::lines(std::size_t columns, std::size_t rows, SteadyTime now) const {
  std::vector<Line> all;
  if (rows == 0 || columns == 0) return all;
  all.push_back(header(columns, now));
  const auto shown = fitting(rows);
  const auto hidden = rows_.size() - shown.size();
  // Inner lines get what the steps leave over: what runs now first, then what failed.
  std::size_t spare = rows - 1 - shown.size() - (hidden > 0 && rows > 1 ? 1 : 0);
  for (const auto* row : shown) {
    all.push_back(line_of(row->step, row, columns, 0, now));
    std::vector<const StepView*> notable;
    for (const auto& [path, inner] : row->inner) {
      if (inner.state == StepState::running || inner.state == StepState::failed || inner.state == StepState::retrying)
        notable.push_back(&inner);
    }
    std::stable_sort(notable.begin(), notable.end(), [](const auto* a, const auto* b) {
      return std::pair(a->state == StepState::failed, a->started) <
             std::pair(b->state == StepState::failed, b->started);
    });
    notable.resize(std::min(notable.size(), spare));
    spare -= notable.size();
    for (const auto* inner : notable)
      all.push_back(line_of(*inner, nullptr, columns, 2, now));
  }
  if (hidden > 0 && all.size() < rows)
    all.push_back({{fit(fmt::format("  and {} more steps", hidden), columns), Colour::dim}});
  return all;
}

}  // namespace stoker::cli
