// Frames, foreach, repeat, and stopping.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/run/run_machine.h"
#include "pipeline/run/run_machine_text.h"

namespace stoker::pipeline {

InstanceId RunMachine::make_instance(FrameId frame, std::uint32_t step, Role role, InstanceId parent,
                                     std::int64_t number) {
  const auto id = static_cast<InstanceId>(instances_.size());
  Instance& instance = instances_.emplace_back();
  instance.frame = frame;
  instance.step = step;
  instance.role = role;
  instance.parent = parent;
  instance.number = number;
  const Step& definition = step_of(instance);
  if (definition.foreach && role == Role::own) {
    instance.kind = InstanceKind::foreach;
  } else if (definition.repeat && role != Role::iteration) {
    instance.kind = InstanceKind::repeat;
  } else if (std::holds_alternative<PipelineStep>(definition.body)) {
    instance.kind = InstanceKind::pipeline;
  }
  if (!retained_.empty() && role != Role::own) {
    if (const auto known = retained_.find(path(id).str()); known != retained_.end()) instance.attempt = known->second;
  }
  return id;
}

FrameId RunMachine::make_frame(InstanceId owner, std::uint32_t pipeline) {
  const auto id = static_cast<FrameId>(frames_.size());
  const PlanPipeline& plan = plan_->pipelines[pipeline];
  Frame& frame = frames_.emplace_back();
  frame.owner = owner;
  frame.pipeline = pipeline;
  frame.limit = plan.pipeline->parallelism.value_or(0);
  frame.unsettled_main = plan.main_count;
  frame.unsettled_finally = static_cast<std::uint32_t>(plan.steps.size()) - plan.main_count;
  frame.instances.reserve(plan.steps.size());
  frame.missing.reserve(plan.steps.size());
  for (std::uint32_t i = 0; i < plan.steps.size(); ++i) {
    const InstanceId step = make_instance(id, i, Role::own, kNoInstance, -1);
    frame.instances.push_back(step);
    if (!retained_.empty()) {
      if (const auto known = retained_.find(path(step).str()); known != retained_.end())
        instances_[step].attempt = known->second;
    }
    const auto& needs = plan.steps[i].needs;
    // What a finally step needs of the main part has settled by the time that it is considered.
    frame.missing.push_back(static_cast<std::uint32_t>(std::ranges::count_if(
        needs, [&](const PlanNeed& need) { return plan.is_finally(i) == plan.is_finally(need.step); })));
  }
  return id;
}

void RunMachine::announce_frame(FrameId id) {
  const Frame& frame = frames_[id];
  const bool main = frame.owner == kNoInstance;
  std::optional<Duration> timeout = plan_->pipelines[frame.pipeline].pipeline->timeout;
  if (main && options_.timeout) timeout = std::min(timeout.value_or(*options_.timeout), *options_.timeout);
  const std::optional<Duration> step_timeout = main ? std::nullopt : step_of(instances_[frame.owner]).timeout;
  const Duration spent = run_.active - (main ? Duration() : instances_[frame.owner].opened);
  const auto left = [spent](const std::optional<Duration>& limit) -> std::optional<Duration> {
    if (!limit) return std::nullopt;
    return std::max(*limit - spent, Duration());
  };
  commands_.push_back(command::FrameOpened{id, left(timeout), left(step_timeout)});
}

void RunMachine::open_frame(FrameId id) {
  announce_frame(id);
  const std::uint32_t main_count = plan_->pipelines[frames_[id].pipeline].main_count;
  for (std::uint32_t i = 0; i < main_count; ++i) {
    if (frames_[id].missing[i] == 0) consider(id, i);
  }
  advance_frame(id);
}

// All that the step waits for has settled: may it run?
void RunMachine::consider(FrameId frame_id, std::uint32_t index) {
  const Frame& frame = frames_[frame_id];
  const PlanPipeline& plan = plan_->pipelines[frame.pipeline];
  const InstanceId id = frame.instances[index];
  const bool finally = plan.is_finally(index);
  if (finally ? frame.stop_level >= 2 : frame.closing) {
    cancel(id, "the run was stopping");
    return;
  }
  std::size_t soft = 0;
  std::size_t soft_available = 0;
  const std::string* skipped = nullptr;
  for (const PlanNeed& need : plan.steps[index].needs) {
    const Instance& other = instances_[frame.instances[need.step]];
    const std::string& name = plan.steps[need.step].step->name.str();
    const bool across = finally && !plan.is_finally(need.step);
    if (need.kind == NeedKind::soft) ++soft;
    if (other.state == StepState::succeeded) {
      if (need.kind == NeedKind::soft) ++soft_available;
      continue;
    }
    if (across && need.kind != NeedKind::value) continue;
    const bool mild = other.state == StepState::skipped && other.cause != SkipCause::upstream_failed;
    const bool tolerated = other.state == StepState::failed && step_of(other).continue_on_failure;
    if (mild || (tolerated && need.kind != NeedKind::value)) {
      if (mild && need.kind != NeedKind::soft) skipped = &name;
      continue;
    }
    const std::string_view what = other.state == StepState::skipped ? "did not run" : step_state_name(other.state);
    skip(id, SkipCause::upstream_failed, fmt::format("{} {}", name, what));
    return;
  }
  if (skipped != nullptr) {
    skip(id, SkipCause::upstream_skipped, fmt::format("{} was skipped", *skipped));
  } else if (soft > 0 && soft_available == 0 && !finally) {
    skip(id, SkipCause::upstream_skipped, "none of its alternatives ran");
  } else {
    instances_[id].phase = Phase::pending;
    pending_.push_back(id);
  }
}

void RunMachine::settle_all() {
  do {
    while (!settled_.empty()) {
      const InstanceId id = settled_.front();
      settled_.pop_front();
      switch (instances_[id].role) {
        case Role::own: frame_step_settled(id); break;
        case Role::item: item_settled(id); break;
        case Role::iteration: iteration_settled(id); break;
      }
    }
    pump();
  } while (!settled_.empty());
}

void RunMachine::count_settled(Frame& frame, InstanceId id) {
  const Instance& instance = instances_[id];
  if (instance.state == StepState::succeeded && !instance.cached) frame.cached = false;
  if (instance.state == StepState::cancelled) ++frame.cancelled;
  if (instance.state == StepState::failed && !step_of(instance).continue_on_failure) {
    ++frame.failed;
    if (frame.first_failed == kNoInstance) frame.first_failed = id;
  }
}

void RunMachine::frame_step_settled(InstanceId id) {
  const FrameId frame_id = instances_[id].frame;
  Frame& frame = frames_[frame_id];
  const PlanPipeline& plan = plan_->pipelines[frame.pipeline];
  const std::uint32_t index = instances_[id].step;
  const bool finally = plan.is_finally(index);
  count_settled(frame, id);
  --(finally ? frame.unsettled_finally : frame.unsettled_main);
  for (const std::uint32_t dependant : plan.steps[index].dependants) {
    // After a resume a dependant may have begun before this one was taken back.
    if (--frame.missing[dependant] == 0 && unborn(frame.instances[dependant])) consider(frame_id, dependant);
  }
  advance_frame(frame_id);
}

RunState RunMachine::frame_outcome(const Frame& frame) const {
  if (frame.stop == StopReason::cancel && frame.cancelled > 0) return RunState::cancelled;
  if (frame.failed > 0 || (frame.stop == StopReason::timeout && frame.cancelled > 0)) return RunState::failed;
  return frame.cancelled > 0 ? RunState::cancelled : RunState::succeeded;
}

RunState RunMachine::outcome(FrameId id) const {
  const Frame& frame = frames_[id];
  return frame.phase == FramePhase::main ? RunState::running : frame.main_outcome;
}

void RunMachine::start_finally(FrameId id) {
  Frame& frame = frames_[id];
  const PlanPipeline& plan = plan_->pipelines[frame.pipeline];
  for (std::uint32_t i = plan.main_count; i < plan.steps.size(); ++i) {
    if (frame.missing[i] == 0 && instances_[frame.instances[i]].state == StepState::waiting) consider(id, i);
  }
}

void RunMachine::advance_frame(FrameId id) {
  Frame& frame = frames_[id];
  if (frame.phase == FramePhase::main && frame.unsettled_main == 0) {
    frame.phase = FramePhase::finally;
    frame.main_outcome = frame_outcome(frame);
    start_finally(id);
  }
  if (frame.phase != FramePhase::finally || frame.unsettled_finally != 0) return;
  const bool has_outputs = !plan_->pipelines[frame.pipeline].pipeline->outputs.empty();
  if (frame_outcome(frame) != RunState::succeeded || !has_outputs) {
    end_frame(id, nullptr);
    return;
  }
  frame.phase = FramePhase::outputs;
  commands_.push_back(command::EvaluateOutputs{id});
}

void RunMachine::end_frame(FrameId id, StepResultPtr outputs) {
  Frame& frame = frames_[id];
  frame.phase = FramePhase::ended;
  const RunState state = frame_outcome(frame);
  const std::string limit = frame.stop == StopReason::timeout ? "it ran longer than its timeout" : "";
  if (frame.owner == kNoInstance) {
    if (state == RunState::failed && !limit.empty()) {
      run_.error = std::make_shared<json::object>(error_result(FailureClass::timeout, limit)->error);
    }
    end_run(state, std::move(outputs));
    return;
  }
  if (state == RunState::succeeded) {
    succeed(frame.owner, outputs != nullptr ? std::move(outputs) : std::make_shared<StepResult>(), frame.cached);
  } else if (state == RunState::cancelled) {
    cancel(frame.owner, "cancelled");
  } else if (!limit.empty()) {
    fail(frame.owner, FailureClass::timeout, error_result(FailureClass::timeout, limit));
  } else {
    const Instance& first = instances_[frame.first_failed];
    const FailureClass failure_class = first.failure_class.value_or(FailureClass::user_code);
    fail(frame.owner, failure_class,
         error_result(failure_class, fmt::format("its step {} failed", step_of(first).name.str())));
  }
}

// --- foreach and repeat ----------------------------------------------------------------------------------------------

bool RunMachine::group_has_room(InstanceId id) const {
  const Instance& group = instances_[id];
  const auto& parallelism = step_of(group).foreach->parallelism;
  return !parallelism || group.active < static_cast<std::uint32_t>(*parallelism);
}

// Restored from a row that a resume took back: it is there, but has yet to begin.
bool RunMachine::unborn(InstanceId id) const {
  return instances_[id].state == StepState::waiting && instances_[id].phase == Phase::idle;
}

bool RunMachine::more_items(InstanceId id) {
  Instance& group = instances_[id];
  const auto known = static_cast<std::int64_t>(group.children->size());
  while (group.next < known && !unborn((*group.children)[static_cast<std::size_t>(group.next)]))
    ++group.next;
  return group.next < group.count;
}

void RunMachine::spawn_item(InstanceId id) {
  Instance& group = instances_[id];
  const std::int64_t number = group.next++;
  if (number == static_cast<std::int64_t>(group.children->size())) {
    group.children->push_back(make_instance(group.frame, group.step, Role::item, id, number));
  }
  ++group.active;
  begin((*group.children)[static_cast<std::size_t>(number)]);
}

void RunMachine::item_settled(InstanceId id) {
  const Instance& item = instances_[id];
  Instance& group = instances_[item.parent];
  if (is_terminal(group.state)) return;
  --group.active;
  if (item.state == StepState::succeeded) {
    ++group.succeeded;
    if (!item.cached) ++group.uncached;
  }
  if (item.state == StepState::failed) ++group.failed;
  if (item.state == StepState::cancelled) ++group.cancelled;
  if (!group.listed && !group.closing && more_items(item.parent)) {
    group.listed = true;
    active_groups_.push_back(item.parent);
  }
  end_group_if_done(item.parent);
}

void RunMachine::end_group_if_done(InstanceId id) {
  Instance& group = instances_[id];
  if (is_terminal(group.state) || group.active > 0) return;
  const bool incomplete = more_items(id);
  if (incomplete && !group.closing) return;
  const bool tolerant = step_of(group).continue_on_failure;
  if (group.failed > 0 && (!tolerant || group.succeeded == 0)) {
    const auto first = std::ranges::find_if(*group.children,
                                            [this](InstanceId i) { return instances_[i].state == StepState::failed; });
    const FailureClass failure_class = instances_[*first].failure_class.value_or(FailureClass::user_code);
    fail(id, failure_class,
         error_result(failure_class,
                      fmt::format("{} of {} items failed, first {}", group.failed, group.count, path(*first).str())));
  } else if (group.cancelled > 0 || incomplete) {
    cancel(id, "cancelled");
  } else {
    succeed(id, nullptr, group.uncached == 0 && group.succeeded > 0);
  }
}

void RunMachine::start_iteration(InstanceId repeat, std::int64_t number) {
  std::vector<InstanceId>& children = *instances_[repeat].children;
  if (static_cast<std::int64_t>(children.size()) < number) {
    children.push_back(
        make_instance(instances_[repeat].frame, instances_[repeat].step, Role::iteration, repeat, number));
  }
  const InstanceId iteration = children[static_cast<std::size_t>(number) - 1];
  instances_[iteration].phase = Phase::pending;
  pending_.push_front(iteration);
}

void RunMachine::iteration_settled(InstanceId id) {
  Instance& iteration = instances_[id];
  const InstanceId parent = iteration.parent;
  Instance& repeat = instances_[parent];
  if (is_terminal(repeat.state)) return;
  if (iteration.state == StepState::succeeded && !iteration.cached) ++repeat.uncached;
  switch (iteration.state) {
    case StepState::failed:
      fail(parent, iteration.failure_class.value_or(FailureClass::user_code), iteration.result);
      return;
    case StepState::skipped:
      skip(parent, iteration.cause, iteration.reason != nullptr ? *iteration.reason : "");
      return;
    case StepState::cancelled: cancel(parent, "cancelled"); return;
    default: break;
  }
  if (iteration.number >= step_of(repeat).repeat->at_most) {
    succeed(parent, iteration.result, repeat.uncached == 0);
  } else if (repeat.closing) {
    cancel(parent, "the run was stopping");
  } else {
    iteration.phase = Phase::deciding;
    commands_.push_back(command::DecideRepeat{id});
  }
}

// --- stopping --------------------------------------------------------------------------------------------------------

// level 0: what runs may finish (fail fast); 1: running attempts are asked to end; 2: at once, `finally` too.
void RunMachine::stop_frame(FrameId id, StopReason reason, int level) {
  Frame& frame = frames_[id];
  if (frame.phase == FramePhase::ended) return;
  frame.closing = true;
  frame.stop_level = std::max(frame.stop_level, level);
  if (reason == StopReason::cancel || frame.stop == StopReason::none) frame.stop = reason;
  const PlanPipeline& plan = plan_->pipelines[frame.pipeline];
  const std::string why = reason == StopReason::none      ? "another step failed"
                          : reason == StopReason::timeout ? "timed out"
                                                          : "cancelled";
  for (std::uint32_t i = 0; i < plan.steps.size(); ++i) {
    if (!plan.is_finally(i) || level >= 2) stop_instance(frame.instances[i], level, why);
  }
}

void RunMachine::stop_instance(InstanceId id, int level, const std::string& reason) {
  Instance& instance = instances_[id];
  if (is_terminal(instance.state)) return;
  if (instance.phase == Phase::attempting) {
    if (level > 0) cancel_attempt(id, level);
    return;
  }
  if (instance.phase != Phase::inside) {
    cancel(id, reason);
    return;
  }
  instance.closing = true;
  if (instance.kind == InstanceKind::pipeline) {
    stop_frame(instance.inner, level > 0 ? StopReason::cancel : StopReason::none, level);
    return;
  }
  InstanceId last = kNoInstance;
  bool alive = false;
  for (std::size_t i = 0; i < instance.children->size(); ++i) {
    const InstanceId child = (*instance.children)[i];
    if (unborn(child)) continue;
    last = child;
    alive = alive || !is_terminal(instances_[child].state);
    stop_instance(child, level, reason);
  }
  if (alive) return;  // the last child's end ends it
  if (instance.kind == InstanceKind::foreach) {
    end_group_if_done(id);
  } else if (std::ranges::find(settled_, last) == settled_.end()) {
    cancel(id, reason);
  }
}

void RunMachine::cancel_attempt(InstanceId id, int level) {
  Instance& instance = instances_[id];
  const Ask ask = level >= 2 ? Ask::cancel_at_once : Ask::cancel;
  if (instance.ask == ask || instance.ask == Ask::cancel_at_once) return;
  instance.ask = ask;
  commands_.push_back(command::CancelAttempt{id, instance.attempt, level >= 2});
}

// Closes everything that the failure reaches: up to the first step that may fail, or the whole run.
void RunMachine::fail_fast(InstanceId id) {
  FrameId reached = kNoFrame;
  for (InstanceId at = id; at != kNoInstance; at = frames_[reached].owner) {
    const Instance& instance = instances_[at];
    const PlanPipeline& plan = plan_->pipelines[frames_[instance.frame].pipeline];
    if (step_of(instance).continue_on_failure || plan.is_finally(instance.step)) break;
    reached = instance.frame;
  }
  if (reached != kNoFrame && !frames_[reached].closing) stop_frame(reached, StopReason::none, 0);
}

// --- what may start --------------------------------------------------------------------------------------------------

void RunMachine::pump() {
  const std::size_t window = std::max(kMinimumReadyWindow, static_cast<std::size_t>(2 * options_.slots));
  dispatch_queued();
  while (warming_ < window && begin_next()) {
  }
  dispatch_queued();
}

bool RunMachine::begin_next() {
  while (!pending_.empty()) {
    const InstanceId id = pending_.front();
    pending_.pop_front();
    if (!expects(id, Phase::pending)) continue;
    if (instances_[id].kind == InstanceKind::leaf && park(id)) continue;
    begin(id);
    return true;
  }
  while (!active_groups_.empty()) {
    const InstanceId id = active_groups_.front();
    active_groups_.pop_front();
    Instance& group = instances_[id];
    group.listed = false;
    if (is_terminal(group.state) || group.closing || !more_items(id) || !group_has_room(id)) continue;
    if (park(id)) {
      group.listed = true;
      continue;
    }
    spawn_item(id);
    // In turn with other groups; without room its next ended item lists it again.
    group.listed = true;
    active_groups_.push_back(id);
    return true;
  }
  return false;
}

void RunMachine::dispatch_queued() {
  while (!queued_.empty() && (options_.slots <= 0 || running_ < static_cast<std::size_t>(options_.slots))) {
    const InstanceId id = queued_.front();
    queued_.pop_front();
    if (!expects(id, Phase::queued)) continue;
    if (const FrameId full = full_frame(instances_[id].frame); full != kNoFrame) {
      set_phase(instances_[id], Phase::blocked);
      frames_[full].blocked.push_back(id);
    } else {
      dispatch(id);
    }
  }
}

}  // namespace stoker::pipeline
