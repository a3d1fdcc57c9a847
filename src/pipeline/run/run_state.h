// What is recorded of a run: its row, a row per step instance, a row per attempt, and the log of events that explains
// them. Rows are the truth for recovery and queries; `RunFold` (run_fold.h) recomputes them from the events, and tests
// hold the two equal.
//
// A step instance is named by its path: `train`, a foreach item `train[3]`, a repeat iteration `tune#2`, both
// `train[3]#2`, and inside a sub-pipeline `search[2]/train`. A row exists from the moment that the instance is ready;
// an instance without a row is waiting, so a graph of 100,000 steps starts with one row.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "codec/json.h"
#include "pipeline/document.h"

namespace stoker::pipeline {

// Written into RunRow; raised when rows of an older machine would be understood differently. A newer number than ours
// is refused.
inline constexpr int kRunMachineVersion = 1;
// Of RunEvent as JSON.
inline constexpr int kRunEventVersion = 1;

enum class RunState : std::uint8_t { running, succeeded, failed, cancelled };
enum class StepState : std::uint8_t { waiting, ready, running, retrying, succeeded, failed, skipped, cancelled };
std::string_view run_state_name(RunState state);
std::string_view step_state_name(StepState state);
std::optional<RunState> parse_run_state(std::string_view name);
std::optional<StepState> parse_step_state(std::string_view name);
inline bool is_terminal(RunState state) {
  return state != RunState::running;
}
inline bool is_terminal(StepState state) {
  return state >= StepState::succeeded;
}

// Why a step did not run. `condition` and `upstream_skipped` are ordinary (a soft reference tolerates them),
// `upstream_failed` is damage.
enum class SkipCause : std::uint8_t { none, condition, upstream_skipped, upstream_failed };
std::string_view skip_cause_name(SkipCause cause);
std::optional<SkipCause> parse_skip_cause(std::string_view name);

// Why a run is being stopped.
enum class StopReason : std::uint8_t { none, cancel, timeout };
std::string_view stop_reason_name(StopReason reason);
std::optional<StopReason> parse_stop_reason(std::string_view name);

// What an attempt (or a cache hit, or the gathering of a foreach) produced. Immutable and shared: the row, the event
// and the values that later steps read are the same object.
struct StepResult {
  json::object outputs;  // name -> {"artifact": {…}, "value": …?}
  std::map<std::string, double> metrics;
  json::object error;  // {"class","type","message","traceback","file","line","hint",…} of a failure
  json::object logs;   // stdout, stderr, spark -> path
  json::object cache;  // {"hit","key","why"} as the engine decided it
  std::optional<std::int64_t> cpu_milliseconds;
  std::optional<std::int64_t> peak_rss_bytes;
};
using StepResultPtr = std::shared_ptr<const StepResult>;

// Retries used so far, by failure class.
using RetriesUsed = std::array<std::uint8_t, kFailureClassCount>;
// "userCode=1,nodeLost=2", "" when none: the column's text.
std::string retries_used_text(const RetriesUsed& used);
Result<RetriesUsed> parse_retries_used(std::string_view text);

// When something happens. `wall` is for records and people and may jump. `active` is how long the engine has owned the
// run, by a clock that never jumps: durations and timeouts are differences of it.
struct Moment {
  WallTime wall{};
  Duration active{};
};

struct RunRow {
  RunId run;
  PipelineName pipeline;
  RunState state = RunState::running;
  int machine_version = kRunMachineVersion;
  std::int64_t next_sequence = 1;  // of the next event
  WallTime started_at{};
  std::optional<WallTime> finished_at;
  // As given and defaulted, secrets as references. Shared: the row is copied for every transaction, and a list of
  // 100,000 items to go through is a parameter. Never null.
  std::shared_ptr<const json::object> parameters = std::make_shared<const json::object>();
  std::string document_digest;
  // A stop in progress survives a crash: 1 = in order, 2 = at once.
  StopReason stop_reason = StopReason::none;
  int stop_level = 0;
  int resumes = 0;
  // How long engines have owned the run, since its start or since it was last resumed after its end. Measured, so no
  // event explains it; what passed between the last write and a crash is lost.
  Duration active{};
  std::shared_ptr<const json::object> outputs;  // of a succeeded run
  std::shared_ptr<const json::object> error;    // what failed the run itself: its outputs' evaluation, its timeout

  // Resumed by hand after its end: it runs again.
  void reopen();
};

enum class InstanceKind : std::uint8_t { leaf, foreach, repeat, pipeline };
std::string_view instance_kind_name(InstanceKind kind);
std::optional<InstanceKind> parse_instance_kind(std::string_view name);

struct StepRow {
  StepPath path;
  InstanceKind kind = InstanceKind::leaf;
  StepState state = StepState::waiting;
  int attempt = 0;  // the last attempt's number; 0: none yet (also for a cache hit)
  bool cached = false;
  std::int64_t count = -1;  // foreach: number of items once known
  SkipCause cause = SkipCause::none;
  std::string reason;  // of skipped and cancelled, for people
  RetriesUsed retries_used{};
  std::optional<WallTime> ready_at, started_at, finished_at;  // started_at: of the last attempt, or of the first item
  std::optional<Duration> opened;                             // composites: RunRow::active when they started
  std::optional<FailureClass> failure_class;
  StepResultPtr result;  // of a terminal state that has one; a foreach has none (its items have), unless it failed
};

enum class AttemptState : std::uint8_t { running, succeeded, failed, cancelled, lost };
std::string_view attempt_state_name(AttemptState state);
std::optional<AttemptState> parse_attempt_state(std::string_view name);

struct AttemptRow {
  StepPath path;
  int attempt = 1;
  AttemptState state = AttemptState::running;
  std::optional<FailureClass> failure_class;
  WallTime started_at{};
  std::optional<WallTime> finished_at;
  StepResultPtr result;
};

enum class RunEventType : std::uint8_t {
  run_started,
  run_resumed,
  run_stopping,  // a cancel or the run's timeout was noticed: {reason, level}
  step_reset,    // an explicit resume of a finished run takes back the step's end: {state: waiting | running}
  step_ready,
  step_expanded,
  step_started,
  step_stopping,  // a sub-pipeline's timeout has passed: {reason}
  step_retrying,
  step_succeeded,
  step_failed,
  step_skipped,
  step_cancelled,
  run_finished
};
std::string_view run_event_name(RunEventType type);  // "run.started"
std::optional<RunEventType> parse_run_event_type(std::string_view name);

// One line of the log. `fields` are those of the type beside step; what they are is in docs/reference/events.md.
struct RunEvent {
  std::int64_t sequence = 0;
  WallTime time{};
  RunEventType type = RunEventType::run_started;
  StepPath step;  // empty for run.*
  json::object fields;

  // {"version":1,"seq":n,"time":RFC3339,"run":id,"type":…,"step":…,fields…}
  json::object to_json(const RunId& run) const;
};

}  // namespace stoker::pipeline
