// Recovery: from rows to instances, and what a resume does with them.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/run/run_machine.h"
#include "pipeline/run/run_machine_text.h"

namespace stoker::pipeline {

// Rows by path; each is taken once, so what is left does not fit the document.
class RowIndex {
 public:
  explicit RowIndex(std::span<const StepRow> rows) {
    rows_.reserve(rows.size());
    for (const StepRow& row : rows)
      rows_.emplace(row.path.str(), &row);
  }
  const StepRow* take(const StepPath& path) {
    const auto found = rows_.find(path.str());
    if (found == rows_.end()) return nullptr;
    const StepRow* row = found->second;
    rows_.erase(found);
    return row;
  }
  const std::unordered_map<std::string, const StepRow*>& left() const { return rows_; }

 private:
  std::unordered_map<std::string, const StepRow*> rows_;
};

Result<RunMachine> RunMachine::restore(std::shared_ptr<const RunPlan> plan, MachineOptions options, RunRow run,
                                       std::span<const StepRow> steps) {
  if (run.machine_version > kRunMachineVersion) {
    return Error{ErrorCode::newer_version,
                 fmt::format("run {} was written by a newer program (run machine {}, this one has {})", run.run.str(),
                             run.machine_version, kRunMachineVersion),
                 "update stoker",
                 {},
                 false};
  }
  RunMachine machine(std::move(plan), options, std::move(run));
  RowIndex rows(steps);
  machine.restore_frame(kMainFrame, rows);
  for (const auto& [path, row] : rows.left()) {
    if (row->state == StepState::waiting) {
      machine.retained_[path] = row->attempt;
    } else {
      return Error{ErrorCode::corrupt,
                   fmt::format("the rows of run {} do not fit its document: {}", machine.run_.run.str(), path),
                   "",
                   {},
                   false};
    }
  }
  return machine;
}

void RunMachine::restore_frame(FrameId frame, RowIndex& rows) {
  for (std::size_t i = 0; i < frames_[frame].instances.size(); ++i)
    restore_instance(frames_[frame].instances[i], rows);
}

// false: there is no row.
bool RunMachine::restore_instance(InstanceId id, RowIndex& rows) {
  const StepRow* row = rows.take(path(id));
  if (row == nullptr) return false;
  const auto number = [](const std::optional<WallTime>& time) { return time ? time->time_since_epoch().count() : 0; };
  Instance& instance = instances_[id];
  instance.state = row->state;
  instance.attempt = row->attempt;
  instance.cached = row->cached;
  instance.count = row->count;
  instance.cause = row->cause;
  if (!row->reason.empty()) instance.reason = std::make_unique<std::string>(row->reason);
  instance.retries_used = row->retries_used;
  instance.ready_at = number(row->ready_at);
  instance.started_at = number(row->started_at);
  instance.finished_at = number(row->finished_at);
  instance.opened = row->opened.value_or(Duration());
  instance.failure_class = row->failure_class;
  instance.result = row->result;
  if (instance.kind == InstanceKind::pipeline && instance.started_at != 0) {
    instance.phase = Phase::inside;
    instance.inner = make_frame(id, static_cast<std::uint32_t>(plan_step(instance).pipeline));
    restore_frame(instance.inner, rows);
  } else if ((instance.kind == InstanceKind::foreach && instance.count >= 0) ||
             (instance.kind == InstanceKind::repeat && instance.started_at != 0)) {
    instance.phase = Phase::inside;
    instance.children = std::make_unique<std::vector<InstanceId>>();
    const Role role = instance.kind == InstanceKind::foreach ? Role::item : Role::iteration;
    const std::int64_t first = role == Role::item ? 0 : 1;
    // Children come into being in order, so the first that is missing ends them.
    for (std::int64_t i = first;; ++i) {
      const InstanceId child = make_instance(instance.frame, instance.step, role, id, i);
      if (!restore_instance(child, rows)) {
        instances_.pop_back();
        break;
      }
      instance.children->push_back(child);
    }
  }
  return true;
}

void RunMachine::resume(ResumeMode mode, Moment now) {
  const bool again = mode == ResumeMode::again;
  if (is_terminal(run_.state) && !again) return;
  active_before_ = again ? Duration() : run_.active;
  run_.active = active_before_;
  set_time(now);
  ++run_.resumes;
  if (again) run_.reopen();
  if (run_.next_sequence == 1) {
    // Died between the run's row and its first event.
    on(input::Start{});
    settle_all();
    return;
  }
  record_run(RunEventType::run_resumed, {{"again", again}});
  if (again) reset_frame(kMainFrame);
  lose_attempts();
  rewire_frame(kMainFrame);
  if (options_.fail_fast) {
    for (InstanceId id = 0; id < instances_.size(); ++id) {
      if (instances_[id].state == StepState::failed) fail_fast(id);
    }
  }
  settle_all();
}

void RunMachine::reset_frame(FrameId id) {
  const Frame& frame = frames_[id];
  const PlanPipeline& plan = plan_->pipelines[frame.pipeline];
  for (std::uint32_t i = 0; i < plan.steps.size(); ++i) {
    if (plan.is_finally(i)) {
      reset_tree(frame.instances[i]);
    } else {
      reset_instance(frame.instances[i]);
    }
  }
}

void RunMachine::clear_end(InstanceId id, StepState state) {
  Instance& instance = instances_[id];
  instance.state = state;
  instance.cached = false;
  instance.cause = SkipCause::none;
  instance.reason.reset();
  instance.retries_used = {};
  instance.finished_at = 0;
  instance.failure_class.reset();
  instance.result.reset();
  instance.opened = {};
  if (state == StepState::waiting) {
    instance.ready_at = instance.started_at = 0;
    instance.count = -1;
    instance.phase = Phase::idle;
  }
  record(RunEventType::step_reset, id, {{"state", step_state_name(state)}});
}

// Takes back the end of what did not succeed; of a composite, only what did not succeed in it. A success above
// something that was tolerated stays, and what was tolerated with it.
void RunMachine::reset_instance(InstanceId id) {
  Instance& instance = instances_[id];
  const bool damaged = instance.state == StepState::failed || instance.state == StepState::cancelled ||
                       (instance.state == StepState::skipped && instance.cause == SkipCause::upstream_failed);
  if (!damaged) return;
  const bool inside = instance.phase == Phase::inside;
  clear_end(id, inside ? StepState::running : StepState::waiting);
  if (!inside) return;
  if (instance.kind == InstanceKind::pipeline) {
    reset_frame(instance.inner);
    return;
  }
  for (std::size_t i = 0; i < instance.children->size(); ++i)
    reset_instance((*instance.children)[i]);
}

// Takes back everything: finally runs anew, its conditions and lists are evaluated anew.
void RunMachine::reset_tree(InstanceId id) {
  Instance& instance = instances_[id];
  if (instance.children != nullptr) {
    for (const InstanceId child : *instance.children)
      reset_tree(child);
    instance.children.reset();
  }
  if (instance.inner != kNoFrame) {
    for (const InstanceId inner : frames_[instance.inner].instances)
      reset_tree(inner);
    instance.inner = kNoFrame;
  }
  if (instance.state == StepState::waiting) return;
  if (instance.attempt > 0) retained_[path(id).str()] = instance.attempt;
  clear_end(id, StepState::waiting);
}

void RunMachine::lose_attempts() {
  for (InstanceId id = 0; id < instances_.size(); ++id) {
    Instance& instance = instances_[id];
    if (instance.kind != InstanceKind::leaf || instance.state != StepState::running) continue;
    record_attempt(id, AttemptState::lost, FailureClass::infrastructure);
    instance.state = StepState::retrying;
    record(RunEventType::step_retrying, id,
           {{"attempt", instance.attempt},
            {"class", failure_class_name(FailureClass::infrastructure)},
            {"delay_ms", 0},
            {"lost", true}});
  }
}

// A stop of the frame around goes for this one too; its own timeout was noted in its owner's row.
void RunMachine::inherit_stop(Frame& frame) const {
  if (frame.owner == kNoInstance) {
    frame.stop = run_.stop_reason;
    frame.stop_level = run_.stop_level;
    return;
  }
  const Instance& owner = instances_[frame.owner];
  const Frame& around = frames_[owner.frame];
  const bool finally = plan_->pipelines[around.pipeline].is_finally(owner.step);
  if (owner.failure_class == FailureClass::timeout) {
    frame.stop = StopReason::timeout;
    frame.stop_level = 1;
  }
  if (around.stop != StopReason::none && (!finally || around.stop_level >= 2)) {
    frame.stop = StopReason::cancel;
    frame.stop_level = around.stop_level;
  }
}

// Recomputes what a frame counts and starts what may start.
void RunMachine::rewire_frame(FrameId id) {
  Frame& frame = frames_[id];
  const PlanPipeline& plan = plan_->pipelines[frame.pipeline];
  inherit_stop(frame);
  announce_frame(id);
  for (std::uint32_t i = 0; i < plan.steps.size(); ++i) {
    const InstanceId step = frame.instances[i];
    if (i == plan.main_count && frame.unsettled_main == 0) frame.main_outcome = frame_outcome(frame);
    if (!is_terminal(instances_[step].state)) continue;
    count_settled(frame, step);
    --(plan.is_finally(i) ? frame.unsettled_finally : frame.unsettled_main);
    for (const std::uint32_t dependant : plan.steps[i].dependants)
      --frame.missing[dependant];
  }
  if (frame.unsettled_main == 0) {
    frame.phase = FramePhase::finally;
    if (plan.steps.size() == plan.main_count) frame.main_outcome = frame_outcome(frame);
    start_finally(id);
  }
  for (std::uint32_t i = 0; i < plan.steps.size(); ++i) {
    const InstanceId step = frame.instances[i];
    if (instances_[step].state != StepState::waiting) {
      rewire_instance(step);
    } else if (!plan.is_finally(i) && frame.missing[i] == 0) {
      consider(id, i);
    }
  }
  if (frame.stop != StopReason::none) stop_frame(id, frame.stop, frame.stop_level);
  advance_frame(id);
}

void RunMachine::rewire_instance(InstanceId id) {
  Instance& instance = instances_[id];
  if (is_terminal(instance.state)) return;
  if (instance.phase != Phase::inside) {
    instance.phase = Phase::pending;
    pending_.push_back(id);
    return;
  }
  if (instance.kind == InstanceKind::pipeline) {
    rewire_frame(instance.inner);
    return;
  }
  const std::vector<InstanceId>& children = *instance.children;
  if (instance.kind == InstanceKind::repeat) {
    rewire_repeat(id);
    return;
  }
  for (const InstanceId child : children) {
    switch (instances_[child].state) {
      case StepState::succeeded:
        ++instance.succeeded;
        if (!instances_[child].cached) ++instance.uncached;
        break;
      case StepState::failed: ++instance.failed; break;
      case StepState::cancelled: ++instance.cancelled; break;
      case StepState::skipped:
      case StepState::waiting: break;
      default: ++instance.active; rewire_instance(child);
    }
  }
  instance.listed = true;
  active_groups_.push_back(id);
  end_group_if_done(id);
}

// Iterations that succeeded, then at most one that did not: that one goes on, or the last one's end is looked at again.
void RunMachine::rewire_repeat(InstanceId id) {
  Instance& repeat = instances_[id];
  const std::vector<InstanceId>& children = *repeat.children;
  InstanceId last = kNoInstance;
  for (const InstanceId child : children) {
    const Instance& iteration = instances_[child];
    if (iteration.state == StepState::waiting) {
      start_iteration(id, iteration.number);
      return;
    }
    if (!is_terminal(iteration.state)) {
      rewire_instance(child);
      return;
    }
    last = child;
    if (child != children.back() && iteration.state == StepState::succeeded && !iteration.cached) ++repeat.uncached;
  }
  if (last == kNoInstance) {
    start_iteration(id, 1);
  } else {
    settled_.push_back(last);
  }
}

}  // namespace stoker::pipeline
