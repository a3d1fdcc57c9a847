// Inputs, and the life of one instance. Frames, foreach, repeat and stopping are in run_machine_flow.cc, rows and
// events in run_machine_record.cc, recovery in run_machine_restore.cc.
#include "pipeline/run/run_machine.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/duration.h"
#include "pipeline/run/retry_policy.h"
#include "pipeline/run/run_machine_text.h"

namespace stoker::pipeline {

RunMachine::RunMachine(std::shared_ptr<const RunPlan> plan, MachineOptions options, RunRow run)
    : plan_(std::move(plan)), options_(options), run_(std::move(run)) {
  run_.machine_version = kRunMachineVersion;
  make_frame(kNoInstance, 0);
}

RunMachine::RunMachine(RunMachine&&) noexcept = default;
RunMachine& RunMachine::operator=(RunMachine&&) noexcept = default;
RunMachine::~RunMachine() = default;

void RunMachine::apply(const Input& given, Moment now) {
  set_time(now);
  if (is_terminal(run_.state)) return;
  std::visit([this](const auto& one) { on(one); }, given);
  settle_all();
}

void RunMachine::on(const input::Start&) {
  if (run_.next_sequence != 1) return;
  record_run(
      RunEventType::run_started,
      {{"pipeline", run_.pipeline.str()}, {"parameters", *run_.parameters}, {"document_digest", run_.document_digest}});
  open_frame(kMainFrame);
}

bool RunMachine::expects(InstanceId id, Phase phase) const {
  return id < instances_.size() && instances_[id].phase == phase && !is_terminal(instances_[id].state);
}

void RunMachine::set_phase(Instance& instance, Phase phase) {
  const auto warm = [](Phase p) { return p == Phase::evaluating || p == Phase::looking_up || p == Phase::queued; };
  if (warm(instance.phase)) --warming_;
  if (warm(phase)) ++warming_;
  instance.phase = phase;
}

// From pending: what it needs first.
void RunMachine::begin(InstanceId id) {
  Instance& instance = instances_[id];
  become_ready(id);
  const Step& step = step_of(instance);
  const bool only_condition = instance.kind == InstanceKind::repeat;
  if (only_condition && !(instance.role == Role::own && step.when)) {
    go_inside(id);
    return;
  }
  set_phase(instance, Phase::evaluating);
  commands_.push_back(command::Evaluate{id});
}

void RunMachine::on(const input::Evaluated& evaluated) {
  if (!expects(evaluated.instance, Phase::evaluating)) return;
  Instance& instance = instances_[evaluated.instance];
  instance.evaluated = true;
  if (instance.kind != InstanceKind::leaf) {
    go_inside(evaluated.instance);
  } else if (step_of(instance).cache.enabled) {
    set_phase(instance, Phase::looking_up);
    commands_.push_back(command::LookUpCache{evaluated.instance});
  } else {
    queue(evaluated.instance);
  }
}

void RunMachine::on(const input::Expanded& expanded) {
  if (!expects(expanded.instance, Phase::evaluating)) return;
  Instance& instance = instances_[expanded.instance];
  if (expanded.count > kMaximumItems) {
    fail(expanded.instance, FailureClass::user_code,
         error_result(FailureClass::user_code,
                      fmt::format("foreach has {} items; the limit is {}", expanded.count, kMaximumItems)));
    return;
  }
  instance.count = expanded.count;
  instance.state = StepState::running;
  instance.started_at = now_.time_since_epoch().count();
  instance.opened = run_.active;
  set_phase(instance, Phase::inside);
  record(RunEventType::step_expanded, expanded.instance,
         {{"count", expanded.count}, {"active_ms", run_.active.count()}});
  instance.children = std::make_unique<std::vector<InstanceId>>();
  instance.listed = true;
  active_groups_.push_back(expanded.instance);
  end_group_if_done(expanded.instance);
}

void RunMachine::on(const input::ConditionFalse& condition) {
  if (expects(condition.instance, Phase::evaluating))
    skip(condition.instance, SkipCause::condition, "its condition is false");
}

void RunMachine::on(const input::Unavailable& unavailable) {
  if (!expects(unavailable.instance, Phase::evaluating)) return;
  skip(unavailable.instance, SkipCause::upstream_skipped, fmt::format("{} is not available", unavailable.what));
}

void RunMachine::on(const input::EvaluationFailed& failed) {
  if (expects(failed.instance, Phase::evaluating)) fail(failed.instance, FailureClass::user_code, failed.result);
}

void RunMachine::on(const input::CacheMiss& miss) {
  if (expects(miss.instance, Phase::looking_up)) queue(miss.instance);
}

void RunMachine::on(const input::CacheHit& hit) {
  if (expects(hit.instance, Phase::looking_up)) succeed(hit.instance, hit.result, true);
}

// A composite starts to run.
void RunMachine::go_inside(InstanceId id) {
  Instance& instance = instances_[id];
  become_running(id);
  set_phase(instance, Phase::inside);
  if (instance.kind == InstanceKind::repeat) {
    instance.children = std::make_unique<std::vector<InstanceId>>();
    start_iteration(id, 1);
    return;
  }
  instance.inner = make_frame(id, static_cast<std::uint32_t>(plan_step(instance).pipeline));
  open_frame(instance.inner);
}

void RunMachine::queue(InstanceId id) {
  set_phase(instances_[id], Phase::queued);
  queued_.push_back(id);
}

void RunMachine::dispatch(InstanceId id) {
  Instance& instance = instances_[id];
  set_phase(instance, Phase::attempting);
  instance.ask = Ask::none;
  ++instance.attempt;
  take_slot(instance.frame, 1);
  become_running(id);
  record_attempt(id, AttemptState::running);
  commands_.push_back(command::Dispatch{id, instance.attempt});
}

// Attempts count against every frame around them.
void RunMachine::take_slot(FrameId frame, int sign) {
  running_ += static_cast<std::size_t>(sign);
  for (InstanceId owner = kNoInstance;; frame = instances_[owner].frame) {
    Frame& one = frames_[frame];
    one.running += sign;
    if (sign < 0) release(frame);
    owner = one.owner;
    if (owner == kNoInstance) return;
  }
}

// Lets those go on that waited for a slot of this frame: all that are ready, and as many others as could use one.
void RunMachine::release(FrameId id) {
  Frame& frame = frames_[id];
  if (frame.limit <= 0 || frame.running >= frame.limit) return;
  for (const InstanceId blocked : frame.blocked) {
    if (!expects(blocked, Phase::blocked)) continue;
    set_phase(instances_[blocked], Phase::queued);
    queued_.push_back(blocked);
  }
  auto room = static_cast<std::size_t>(frame.limit - frame.running);
  room -= std::min(room, frame.blocked.size());
  frame.blocked.clear();
  for (room = std::max<std::size_t>(room, 1); room > 0 && !frame.parked.empty(); --room) {
    const InstanceId parked = frame.parked.front();
    frame.parked.pop_front();
    (instances_[parked].phase == Phase::inside ? active_groups_ : pending_).push_back(parked);
  }
}

// Keeps an instance from becoming ready while a frame around it has no slot: true when it waits there.
bool RunMachine::park(InstanceId id) {
  const FrameId full = full_frame(instances_[id].frame);
  if (full == kNoFrame) return false;
  frames_[full].parked.push_back(id);
  return true;
}

// The innermost frame around that has no slot left, or kNoFrame.
FrameId RunMachine::full_frame(FrameId frame) const {
  while (true) {
    const Frame& one = frames_[frame];
    if (one.limit > 0 && one.running >= one.limit) return frame;
    if (one.owner == kNoInstance) return kNoFrame;
    frame = instances_[one.owner].frame;
  }
}

void RunMachine::on(const input::AttemptFinished& finished) {
  if (!expects(finished.instance, Phase::attempting)) return;
  Instance& instance = instances_[finished.instance];
  if (instance.attempt != finished.attempt) return;
  take_slot(instance.frame, -1);
  if (finished.succeeded) {
    record_attempt(finished.instance, AttemptState::succeeded, {}, finished.result);
    succeed(finished.instance, finished.result, false);
    return;
  }
  attempt_failed(finished.instance, finished);
}

void RunMachine::attempt_failed(InstanceId id, const input::AttemptFinished& finished) {
  Instance& instance = instances_[id];
  const Step& step = step_of(instance);
  FailureClass failure_class = finished.failure_class;
  StepResultPtr result = finished.result;
  if (failure_class == FailureClass::cancelled && instance.ask == Ask::timeout) {
    failure_class = FailureClass::timeout;
    result = with_error(result, failure_class,
                        fmt::format("it ran longer than its timeout of {}",
                                    codec::format_duration(step.timeout.value_or(Duration(0)))));
  }
  if (failure_class == FailureClass::cancelled) {
    record_attempt(id, AttemptState::cancelled, {}, result);
    cancel(id, instance.ask == Ask::none ? "ended from outside" : "cancelled");
    return;
  }
  record_attempt(id, AttemptState::failed, failure_class, result);
  const bool may_retry =
      instance.ask != Ask::cancel && instance.ask != Ask::cancel_at_once && !frames_[instance.frame].closing;
  const auto delay =
      may_retry ? decide_retry(step.retry, instance.retries_used, failure_class, finished.jitter) : std::nullopt;
  if (!delay) {
    fail(id, failure_class, result);
    return;
  }
  ++instance.retries_used[static_cast<std::size_t>(failure_class)];
  instance.state = StepState::retrying;
  set_phase(instance, Phase::backing_off);
  json::object fields{
      {"attempt", instance.attempt}, {"class", failure_class_name(failure_class)}, {"delay_ms", delay->count()}};
  if (result != nullptr && !result->error.empty()) fields["error"] = result->error;
  record(RunEventType::step_retrying, id, std::move(fields));
  commands_.push_back(command::ScheduleRetry{id, *delay});
}

void RunMachine::on(const input::RetryDue& due) {
  if (!expects(due.instance, Phase::backing_off)) return;
  become_ready(due.instance);
  queue(due.instance);
}

void RunMachine::on(const input::TimedOut& timed_out) {
  if (timed_out.instance >= instances_.size()) return;
  Instance& instance = instances_[timed_out.instance];
  if (expects(timed_out.instance, Phase::attempting) && instance.attempt == timed_out.attempt &&
      instance.ask == Ask::none) {
    instance.ask = Ask::timeout;
    commands_.push_back(command::CancelAttempt{timed_out.instance, instance.attempt, false});
  } else if (instance.kind == InstanceKind::pipeline && expects(timed_out.instance, Phase::inside)) {
    on(input::FrameTimedOut{instance.inner});
  }
}

void RunMachine::on(const input::FrameTimedOut& timed_out) {
  if (timed_out.frame >= frames_.size()) return;
  Frame& frame = frames_[timed_out.frame];
  if (frame.phase != FramePhase::main || frame.stop != StopReason::none) return;
  if (timed_out.frame == kMainFrame) {
    run_.stop_reason = StopReason::timeout;
    run_.stop_level = 1;
    record_run(RunEventType::run_stopping, {{"reason", stop_reason_name(StopReason::timeout)}, {"level", 1}});
  } else {
    instances_[frame.owner].failure_class = FailureClass::timeout;
    record(RunEventType::step_stopping, frame.owner, {{"reason", stop_reason_name(StopReason::timeout)}});
  }
  stop_frame(timed_out.frame, StopReason::timeout, 1);
}

void RunMachine::on(const input::CancelRequested&) {
  if (run_.stop_level >= 2) return;
  // After a timeout the first cancel is still in order.
  run_.stop_level = run_.stop_reason == StopReason::cancel ? 2 : 1;
  run_.stop_reason = StopReason::cancel;
  record_run(RunEventType::run_stopping,
             {{"reason", stop_reason_name(StopReason::cancel)}, {"level", run_.stop_level}});
  stop_frame(kMainFrame, StopReason::cancel, run_.stop_level);
}

void RunMachine::on(const input::RepeatDecided& decided) {
  if (decided.iteration >= instances_.size()) return;
  const Instance& iteration = instances_[decided.iteration];
  if (iteration.phase != Phase::deciding || !expects(iteration.parent, Phase::inside)) return;
  instances_[decided.iteration].phase = Phase::idle;
  const InstanceId repeat = iteration.parent;
  if (decided.error != nullptr) {
    fail(repeat, FailureClass::user_code, decided.error);
  } else if (decided.done) {
    succeed(repeat, iteration.result, iteration.cached && instances_[repeat].uncached == 0);
  } else {
    start_iteration(repeat, iteration.number + 1);
  }
}

void RunMachine::on(const input::OutputsEvaluated& outputs) {
  if (outputs.frame >= frames_.size() || frames_[outputs.frame].phase != FramePhase::outputs) return;
  if (outputs.ok) {
    end_frame(outputs.frame, outputs.result);
    return;
  }
  Frame& frame = frames_[outputs.frame];
  frame.phase = FramePhase::ended;
  if (frame.owner != kNoInstance) {
    fail(frame.owner, FailureClass::user_code, outputs.result);
    return;
  }
  run_.error = std::make_shared<json::object>(outputs.result->error);
  end_run(RunState::failed, nullptr);
}

}  // namespace stoker::pipeline
