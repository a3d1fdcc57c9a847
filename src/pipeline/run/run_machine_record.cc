// What is written: rows and events. Every change of a row happens beside the event that explains it; run_fold.cc does
// the same from events.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/run/run_machine.h"
#include "pipeline/run/run_machine_text.h"

namespace stoker::pipeline {

StepResultPtr error_result(FailureClass failure_class, std::string_view message) {
  return with_error(nullptr, failure_class, message);
}

StepResultPtr with_error(const StepResultPtr& result, FailureClass failure_class, std::string_view message) {
  auto changed = result != nullptr ? std::make_shared<StepResult>(*result) : std::make_shared<StepResult>();
  changed->error["class"] = failure_class_name(failure_class);
  changed->error["message"] = message;
  return changed;
}

void RunMachine::set_time(Moment now) {
  now_ = now.wall;
  run_.active = std::max(run_.active, active_before_ + now.active);
}

void RunMachine::keep_time(Moment now) {
  if (is_terminal(run_.state)) return;
  set_time(now);
  run_dirty_ = true;
}

std::int64_t RunMachine::active_for(const Instance& instance) const {
  return (run_.active - instance.opened).count();
}

void RunMachine::mark(InstanceId id) {
  if (instances_[id].dirty) return;
  instances_[id].dirty = true;
  dirty_.push_back(id);
}

void RunMachine::record(RunEventType type, InstanceId id, json::object fields) {
  mark(id);
  run_dirty_ = true;
  // The first event of an instance says what it is.
  const InstanceKind kind = instances_[id].kind;
  const bool first =
      type == RunEventType::step_ready || type == RunEventType::step_skipped || type == RunEventType::step_cancelled;
  if (first && kind != InstanceKind::leaf) fields["kind"] = instance_kind_name(kind);
  changes_.events.push_back({run_.next_sequence++, now_, type, path(id), std::move(fields)});
}

void RunMachine::record_run(RunEventType type, json::object fields) {
  run_dirty_ = true;
  changes_.events.push_back({run_.next_sequence++, now_, type, StepPath(), std::move(fields)});
}

void RunMachine::record_attempt(InstanceId id, AttemptState state, std::optional<FailureClass> failure_class,
                                StepResultPtr result) {
  const Instance& instance = instances_[id];
  AttemptRow& row = changes_.attempts.emplace_back();
  row.path = path(id);
  row.attempt = instance.attempt;
  row.state = state;
  row.failure_class = failure_class;
  row.started_at = WallTime(std::chrono::milliseconds(instance.started_at));
  if (state != AttemptState::running) row.finished_at = now_;
  row.result = std::move(result);
}

void RunMachine::become_ready(InstanceId id) {
  Instance& instance = instances_[id];
  instance.state = StepState::ready;
  instance.ready_at = now_.time_since_epoch().count();
  record(RunEventType::step_ready, id);
}

void RunMachine::become_running(InstanceId id) {
  Instance& instance = instances_[id];
  instance.state = StepState::running;
  instance.started_at = now_.time_since_epoch().count();
  instance.opened = run_.active;
  json::object fields;
  if (instance.kind == InstanceKind::leaf) {
    fields["attempt"] = instance.attempt;
  } else {
    fields["active_ms"] = run_.active.count();
  }
  record(RunEventType::step_started, id, std::move(fields));
}

namespace {

void add_result(json::object& fields, const StepResult& result, bool with_outputs) {
  if (with_outputs) fields["outputs"] = result.outputs;
  if (!result.metrics.empty()) {
    json::object& metrics = fields["metrics"].emplace_object();
    for (const auto& [name, value] : result.metrics)
      metrics[name] = value;
  }
  if (result.cpu_milliseconds) fields["cpu_ms"] = *result.cpu_milliseconds;
  if (result.peak_rss_bytes) fields["peak_rss_bytes"] = *result.peak_rss_bytes;
  if (!result.cache.empty()) fields["cache"] = result.cache;
  if (!result.logs.empty()) fields["logs"] = result.logs;
  if (!result.error.empty()) fields["error"] = result.error;
}

}  // namespace

void RunMachine::end_instance(InstanceId id, StepState state) {
  Instance& instance = instances_[id];
  instance.state = state;
  instance.finished_at = now_.time_since_epoch().count();
  set_phase(instance, Phase::idle);
  settled_.push_back(id);
  if (instance.kind != InstanceKind::leaf) return;
  // What it kept from starting may start, also when it never had a slot (a cache hit).
  for (FrameId frame = instance.frame;; frame = instances_[frames_[frame].owner].frame) {
    if (!frames_[frame].parked.empty() || !frames_[frame].blocked.empty()) release(frame);
    if (frames_[frame].owner == kNoInstance) break;
  }
}

void RunMachine::succeed(InstanceId id, StepResultPtr result, bool cached) {
  Instance& instance = instances_[id];
  const bool started = instance.started_at != 0;
  end_instance(id, StepState::succeeded);
  instance.cached = cached;
  instance.failure_class.reset();
  instance.result = std::move(result);
  const bool hit = cached && instance.kind == InstanceKind::leaf;
  json::object fields{
      {"attempt", instance.attempt}, {"cached", cached}, {"duration_ms", hit || !started ? 0 : active_for(instance)}};
  if (instance.result != nullptr) add_result(fields, *instance.result, true);
  if (instance.count >= 0) fields["count"] = instance.count;
  record(RunEventType::step_succeeded, id, std::move(fields));
}

void RunMachine::fail(InstanceId id, FailureClass failure_class, StepResultPtr result) {
  Instance& instance = instances_[id];
  end_instance(id, StepState::failed);
  instance.failure_class = failure_class;
  if (result != nullptr && !result->outputs.empty()) {
    // What a failed attempt made before it failed is nobody's input.
    auto bare = std::make_shared<StepResult>(*result);
    bare->outputs.clear();
    result = std::move(bare);
  }
  instance.result = std::move(result);
  json::object fields{{"attempt", instance.attempt}, {"class", failure_class_name(failure_class)}};
  if (step_of(instance).continue_on_failure) fields["tolerated"] = true;
  if (instance.started_at != 0) fields["duration_ms"] = active_for(instance);
  if (instance.result != nullptr) add_result(fields, *instance.result, false);
  record(RunEventType::step_failed, id, std::move(fields));
  if (options_.fail_fast) fail_fast(id);
}

void RunMachine::skip(InstanceId id, SkipCause cause, std::string reason) {
  Instance& instance = instances_[id];
  end_instance(id, StepState::skipped);
  instance.cause = cause;
  record(RunEventType::step_skipped, id, {{"cause", skip_cause_name(cause)}, {"reason", reason}});
  instance.reason = std::make_unique<std::string>(std::move(reason));
}

void RunMachine::cancel(InstanceId id, std::string reason) {
  Instance& instance = instances_[id];
  end_instance(id, StepState::cancelled);
  instance.failure_class.reset();
  record(RunEventType::step_cancelled, id, {{"reason", reason}});
  instance.reason = std::make_unique<std::string>(std::move(reason));
}

void RunMachine::end_run(RunState state, const StepResultPtr& outputs) {
  run_.state = state;
  run_.finished_at = now_;
  if (outputs != nullptr) run_.outputs = std::make_shared<json::object>(outputs->outputs);
  json::object fields{{"state", run_state_name(state)}, {"duration_ms", run_.active.count()}};
  if (run_.outputs != nullptr) fields["outputs"] = *run_.outputs;
  if (run_.error != nullptr) fields["error"] = *run_.error;
  record_run(RunEventType::run_finished, std::move(fields));
  commands_.push_back(command::FinishRun{});
}

StepRow RunMachine::row_of(InstanceId id) const {
  const auto time = [](std::int64_t at) -> std::optional<WallTime> {
    if (at == 0) return std::nullopt;
    return WallTime(std::chrono::milliseconds(at));
  };
  const Instance& instance = instances_[id];
  StepRow row;
  row.path = path(id);
  row.kind = instance.kind;
  row.state = instance.state;
  row.attempt = instance.attempt;
  row.cached = instance.cached;
  row.count = instance.count;
  row.cause = instance.cause;
  if (instance.reason != nullptr) row.reason = *instance.reason;
  row.retries_used = instance.retries_used;
  row.ready_at = time(instance.ready_at);
  row.started_at = time(instance.started_at);
  row.finished_at = time(instance.finished_at);
  if (instance.kind != InstanceKind::leaf && instance.started_at != 0) row.opened = instance.opened;
  row.failure_class = instance.failure_class;
  row.result = instance.result;
  return row;
}

Changes RunMachine::take_changes() {
  changes_.steps.reserve(dirty_.size());
  for (const InstanceId id : dirty_) {
    instances_[id].dirty = false;
    changes_.steps.push_back(row_of(id));
    changes_.step_instances.push_back(id);
  }
  dirty_.clear();
  if (run_dirty_) changes_.run = run_;
  run_dirty_ = false;
  return std::exchange(changes_, {});
}

std::vector<Command> RunMachine::take_commands() {
  return std::exchange(commands_, {});
}

// --- views -----------------------------------------------------------------------------------------------------------

const PlanStep& RunMachine::plan_step(const Instance& instance) const {
  return plan_->pipelines[frames_[instance.frame].pipeline].steps[instance.step];
}

RunMachine::View RunMachine::view(InstanceId id) const {
  const Instance& instance = instances_[id];
  View view;
  view.frame = instance.frame;
  view.index = instance.step;
  view.step = &step_of(instance);
  view.kind = instance.kind;
  view.own = instance.role == Role::own;
  view.item = instance.role == Role::item ? instance.number : -1;
  view.iteration = instance.role == Role::iteration ? instance.number : -1;
  view.inner = instance.inner;
  view.parent = instance.parent;
  if (instance.role == Role::iteration && instances_[instance.parent].role == Role::item)
    view.item = instances_[instance.parent].number;
  view.state = instance.state;
  view.cause = instance.cause;
  view.cached = instance.cached;
  view.attempt = instance.attempt;
  view.count = instance.count;
  return view;
}

StepPath RunMachine::path(InstanceId id) const {
  const Instance& instance = instances_[id];
  std::string text;
  if (const InstanceId owner = frames_[instance.frame].owner; owner != kNoInstance) text = path(owner).str() + "/";
  text += step_of(instance).name.str();
  const View seen = view(id);
  if (seen.item >= 0) text += fmt::format("[{}]", seen.item);
  if (seen.iteration >= 0) text += fmt::format("#{}", seen.iteration);
  return StepPath(std::move(text));
}

const StepResultPtr& RunMachine::result(InstanceId id) const {
  return instances_[id].result;
}

std::span<const InstanceId> RunMachine::children(InstanceId id) const {
  const auto& children = instances_[id].children;
  return children != nullptr ? std::span<const InstanceId>(*children) : std::span<const InstanceId>();
}

InstanceId RunMachine::instance_of(FrameId frame, std::uint32_t step) const {
  return frames_[frame].instances[step];
}
const PlanPipeline& RunMachine::pipeline_of(FrameId frame) const {
  return plan_->pipelines[frames_[frame].pipeline];
}
InstanceId RunMachine::owner_of(FrameId frame) const {
  return frames_[frame].owner;
}

}  // namespace stoker::pipeline
