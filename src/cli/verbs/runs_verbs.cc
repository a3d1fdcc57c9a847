#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <iostream>

#include "base/strings.h"
#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/run_follower.h"
#include "cli/run_output.h"
#include "cli/signals.h"
#include "cli/verbs/verbs.h"
#include "cli/view/step_rows.h"
#include "cli/view/table.h"
#include "codec/json_fields.h"
#include "codec/time.h"
#include "objects/gc.h"
#include "pipeline/run/run_state.h"

namespace stoker::cli {

using codec::number_of;
using codec::object_of;
using codec::text_of;

namespace {

using metadata::RunState;
using std::chrono::milliseconds;

std::string span_text(std::optional<WallTime> from, std::optional<WallTime> to, WallTime now) {
  if (!from) return "";
  // The wall clock may have been set back between the two.
  return human_duration(std::max(to.value_or(now) - *from, milliseconds(0)));
}

std::string steps_text(const metadata::RunSummary& run) {
  std::int64_t succeeded = 0;
  if (const auto it = run.steps_by_state.find("succeeded"); it != run.steps_by_state.end()) succeeded = it->second;
  auto text = fmt::format("{}/{}", succeeded, run.steps);
  if (run.steps_cached > 0) text += fmt::format(" ({} cached)", run.steps_cached);
  return text;
}

std::string_view mark_of(std::string_view state) {
  if (state == "succeeded") return "✓";
  if (state == "failed") return "✗";
  if (state == "skipped") return "–";
  if (state == "cancelled") return "■";
  return state == "running" ? "●" : "·";
}

// Why the step was, or was not, taken from the cache, in words.
std::string cache_text(const metadata::StepRow& step) {
  if (step.cached) return "hit";
  if (!step.cache.is_object()) return "";
  return text_of(step.cache.get_object(), "why");
}

json::object step_json(const metadata::StepRow& step) {
  return {{"step", step.path.str()},
          {"state", step.state},
          {"attempts", step.attempts},
          {"cached", step.cached},
          {"cache", step.cache},
          {"started", time_json(step.started)},
          {"finished", time_json(step.finished)},
          {"cpu_ms", step.cpu_ms},
          {"peak_rss_bytes", step.peak_rss_bytes},
          {"inputs", step.inputs},
          {"outputs", step.outputs},
          {"metrics", step.metrics},
          {"error", step.error},
          {"reason", step.reason},
          {"logs", step.logs}};
}

void print_steps(const std::vector<metadata::StepRow>& steps, WallTime now, const TerminalStyle& style) {
  Table table({"STEP", "STATE", "TIME", "CPU", "MEMORY", "CACHE"});
  for (const auto& step : steps) {
    const Line marked = {{fmt::format("{} {}", mark_of(step.state), step.path.str()), Colour::plain}};
    table.add({paint(marked, {.colour = false, .unicode = style.unicode}),
               step.state + (step.attempts > 1 ? fmt::format(" ({} attempts)", step.attempts) : ""),
               step.cached ? "" : span_text(step.started, step.finished, now),
               step.cpu_ms > 0 ? fmt::format("{:.2f} s", static_cast<double>(step.cpu_ms) / 1000.0) : "",
               step.peak_rss_bytes > 0 ? human_bytes(static_cast<double>(step.peak_rss_bytes)) : "", cache_text(step)});
  }
  print_table(table);
}

void print_results(const std::vector<metadata::StepRow>& steps) {
  Table outputs({"OUTPUT", "TYPE", "SIZE", "VALUE"});
  Table metrics({"METRIC", "VALUE"});
  for (const auto& step : steps) {
    if (step.metrics.is_object()) {
      for (const auto& metric : step.metrics.get_object()) {
        metrics.add({step.path.str() + " " + std::string(metric.key()), short_value(metric.value())});
      }
    }
    if (!step.outputs.is_object()) continue;
    for (const auto& output : step.outputs.get_object()) {
      if (!output.value().is_object()) continue;
      const auto& record = output.value().get_object();
      const auto& artifact = object_of(record, "artifact");
      const auto* value = record.if_contains("value");
      const auto rows = number_of(artifact, "rows", -1);
      outputs.add({step.path.str() + "/" + std::string(output.key()), text_of(artifact, "type"),
                   artifact.contains("bytes") ? human_bytes(static_cast<double>(number_of(artifact, "bytes"))) : "",
                   value != nullptr ? short_value(*value)
                   : rows >= 0      ? fmt::format("{} rows", rows)
                                    : ""});
    }
  }
  for (const auto* table : {&metrics, &outputs}) {
    if (table->empty()) continue;
    print("\n");
    print_table(*table);
  }
}

void print_errors(const std::vector<metadata::StepRow>& steps) {
  for (const auto& step : steps) {
    if (step.state == "skipped" && !step.reason.empty())
      print(fmt::format("\n{} skipped: {}\n", step.path.str(), step.reason));
    if (step.state != "failed") continue;
    print(fmt::format("\n{} failed ({}): {}\n", step.path.str(), step.error_class, step.error_message));
    if (step.error.is_object()) {
      for (const auto& line : split(text_of(step.error.get_object(), "traceback"), '\n')) {
        if (!line.empty()) print("  " + line + "\n");
      }
    }
    if (!step.logs.empty()) print("  logs: " + step.logs + "\n");
  }
}

// As `stoker run` shows it, of a run whose engine may be another process.
Result<int> follow_run(const Program& program, const CommonOptions& common, metadata::Store& store, const RunId& id,
                       const RunsShowCommand& command) {
  TRY_ASSIGN(const auto row, store.load_run(id));
  runtime::EventLoop loop(program.clock);
  RunOutput output(program, common, run_style(program, common, command.plain, /*quiet=*/false), row.pipeline.str(),
                   step_names(row.document));
  RunFollower follower(store, id, loop, [&](const json::object& event, auto age) { output.on_event(event, age); });
  std::atomic<bool> interrupted = false;
  {
    const SignalWatch signals([&](int) {
      interrupted = true;
      loop.wake();
    });
    follower.start();
    while (!follower.ended() && !interrupted)
      loop.run_once(std::chrono::hours(1));
  }
  output.close();
  if (follower.failed()) return *follower.failed();
  if (interrupted) return exit_code(ErrorCode::cancelled);
  TRY_ASSIGN(const auto run, store.load_run(id));
  if (shown_state(store, id, run.state) == "interrupted") {
    say(fmt::format("run {0} was interrupted; finish it with: stoker runs resume {0}", id.str()));
  }
  return 0;
}

}  // namespace

Result<int> run_runs_list(const Program& program, const CommonOptions& common, const RunsListCommand& command) {
  TRY_ASSIGN(const auto store, open_store(program, common));
  metadata::RunFilter filter{.pipeline = command.pipeline.value_or(""),
                             .experiment = command.experiment.value_or(""),
                             .limit = command.limit + 1,
                             .count_steps = true};
  if (command.state) filter.state = metadata::parse_run_state(*command.state).value_or(RunState::running);
  // Which of the running ones are interrupted only their locks tell, so the limit is kept below.
  if (filter.state == RunState::running) filter.limit = 0;
  TRY_ASSIGN(const auto runs, store->list_runs(filter));
  Table table({"RUN", "PIPELINE", "STATE", "STEPS", "STARTED", "TIME"});
  json::array list;
  int shown = 0;
  bool more = false;
  const auto now = program.clock.wall_now();
  for (const auto& run : runs) {
    const auto state = shown_state(*store, run.id, run.state);
    if (command.state && state != *command.state) continue;
    if (shown == command.limit) {
      more = true;
      break;
    }
    ++shown;
    if (common.json) {
      list.push_back(json::object{{"run", run.id.str()},
                                  {"pipeline", run.pipeline.str()},
                                  {"state", state},
                                  {"experiment", run.experiment},
                                  {"created", codec::format_time(run.created)},
                                  {"started", time_json(run.started)},
                                  {"finished", time_json(run.finished)},
                                  {"steps", run.steps},
                                  {"steps_cached", run.steps_cached},
                                  {"error", run.error}});
    } else {
      const auto end = state == "interrupted" ? run.started : run.finished;
      table.add({run.id.str(), run.pipeline.str(), state, steps_text(run), human_age(run.created, now),
                 state == "interrupted" ? "" : span_text(run.started, end, now)});
    }
  }
  if (common.json) {
    print_json(list);
  } else if (!table.empty()) {
    print_table(table);
    if (more) say("there are older runs; show more with --limit");
  } else if (command.pipeline || command.state || command.experiment) {
    print("no such runs\n");
  } else {
    print("no runs yet; start one with: stoker run pipeline.py\n");
  }
  return 0;
}

Result<int> run_runs_show(const Program& program, const CommonOptions& common, const RunsShowCommand& command) {
  // Before the store makes its threads.
  if (command.follow) block_signals();
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto id, store->find_run(command.run));
  if (command.follow) return follow_run(program, common, *store, id, command);
  if (command.events) {
    for (std::int64_t from = 1;;) {
      TRY_ASSIGN(const auto events, store->events(id, from));
      if (events.empty()) return 0;
      for (const auto& event : events)
        print_json(event.payload);
      from = events.back().seq + 1;
    }
  }
  TRY_ASSIGN(const auto run, store->load_run(id));
  TRY_ASSIGN(auto steps, store->load_steps(id));
  sort_as_run(steps);
  const auto state = shown_state(*store, id, run.state);
  if (common.json) {
    json::array rows;
    for (const auto& step : steps)
      rows.push_back(step_json(step));
    print_json(json::object{{"run", id.str()},
                            {"pipeline", run.pipeline.str()},
                            {"state", state},
                            {"experiment", run.experiment},
                            {"parameters", run.parameters},
                            {"created", codec::format_time(run.created)},
                            {"started", time_json(run.started)},
                            {"finished", time_json(run.finished)},
                            {"outputs", run.outputs},
                            {"error", run.error},
                            {"project", run.project_root},
                            {"interpreter", run.interpreter},
                            {"steps", std::move(rows)}});
    return 0;
  }
  const auto now = program.clock.wall_now();
  print(fmt::format("{}  {}  {}{}\n", run.pipeline.str(), id.str(), state,
                    run.finished ? " in " + span_text(run.started, run.finished, now) : ""));
  if (run.started) print(fmt::format("started {} UTC\n", human_time(*run.started)));
  if (run.parameters.is_object() && !run.parameters.get_object().empty()) {
    std::string parameters;
    for (const auto& parameter : run.parameters.get_object()) {
      parameters += fmt::format(" {}={}", std::string_view(parameter.key()), short_value(parameter.value()));
    }
    print("parameters:" + parameters + "\n");
  }
  print("\n");
  print_steps(steps, now, terminal_style(program, common, STDOUT_FILENO));
  print_results(steps);
  print_errors(steps);
  if (!run.error.empty()) print("\n" + run.error + "\n");
  if (state == "failed" || state == "interrupted" || state == "cancelled")
    print("\nfinish it with: stoker runs resume " + id.str() + "\n");
  return 0;
}

Result<int> run_runs_delete(const Program& program, const CommonOptions& common, const RunsDeleteCommand& command) {
  TRY_ASSIGN(const auto store, open_store(program, common));
  std::vector<RunId> ids;
  for (const auto& text : command.runs) {
    TRY_ASSIGN(auto id, store->find_run(text));
    ids.push_back(std::move(id));
  }
  if (!command.yes) {
    if (!is_terminal(STDIN_FILENO)) {
      return Error{.code = ErrorCode::usage, .message = "deleting runs needs a yes", .hint = "add --yes"};
    }
    print(fmt::format("delete {} run{} with logs? [y/N] ", ids.size(), ids.size() == 1 ? "" : "s"));
    std::fflush(stdout);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "yes") return Error{.code = ErrorCode::cancelled, .message = "nothing was deleted"};
  }
  json::array deleted;
  for (const auto& id : ids) {
    TRY(objects::delete_run(*store, id));
    deleted.push_back(json::string(id.str()));
    if (!common.json) print("deleted " + id.str() + "\n");
  }
  if (common.json) {
    print_json(json::object{{"deleted", std::move(deleted)}});
  } else {
    print("artifacts that nothing uses any more go with the next: stoker gc\n");
  }
  return 0;
}

}  // namespace stoker::cli
