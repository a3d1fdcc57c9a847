// RunMachine: what happens next in a run. Pure: no I/O, no clock, no threads, no randomness; the run loop
// (engine/run_loop.h) feeds it inputs with the time, stores the rows and events that come out in one transaction, and
// then carries out the commands.
//
// An instance of a step, by kind:
//
//   leaf (python, command, spark, wait, resource)
//
//     waiting --needs settled--> ready --Evaluated--> (cache looked up) --CacheMiss, free slot--> running
//     --succeeded--> SUCCEEDED
//        |                        | ^                        |                                     |  |
//        |                        | |                     CacheHit --------------------------------|--|------------->
//        SUCCEEDED (cached) |                        | +--RetryDue-- retrying <--failed, budget left, or lost---------+
//        | |                        |                                                                +--+--budget
//        spent--> FAILED
//        +--a need did not give---+--condition false, value not
//        available----------------------------------------------> SKIPPED
//        +------------------------+--stopped------------------ retrying, running (when its end arrives)
//        ---------------> CANCELLED
//
//   foreach    waiting -> ready --Expanded{n}--> running: items [0] … [n-1], at most `parallelism` at once -> the worst
//   of the items' ends repeat     waiting -> ready -> running: iterations #1, #2, … each a leaf or a pipeline,
//   RepeatDecided after each -> the last one's end pipeline   waiting -> ready --Evaluated--> running: a frame of its
//   own -> OutputsEvaluated -> SUCCEEDED, or the worst of its steps' ends (a step with several of them nests: foreach
//   outside, then repeat, then the pipeline or leaf)
//
//   frame      main steps -> all settled -> finally steps -> all settled -> outputs -> end
//
// The rules, where the field differs (docs/adr/0005-run-semantics.md):
// - A failed step ends what depends on it (skipped, "upstream failed"); independent branches go on, and items of a
// foreach are independent.
//   `fail_fast` instead starts nothing new. Running steps always finish. With continueOnFailure a failure does not fail
//   the run and satisfies an ordering need; its outputs count as skipped. A foreach with it succeeds with the items
//   that did.
// - A skipped step skips its dependants, but a soft reference (one_of) tolerates it as long as one alternative is
// there.
// - Cancel: nothing new starts, running attempts are asked to end, then `finally` runs. A second cancel ends everything
// at once and skips
//   `finally`. The run's timeout is a cancel that ends as failed. An attempt that succeeds in spite of it has
//   succeeded.
// - Timeouts of the run and of sub-pipelines count the time for which engines owned the run: not the time between a
//   crash and the resume, and no jump of the wall clock. Resuming a run that had ended starts them anew.
// - `finally` always runs (but for the second cancel); one that reads an output that is not there is skipped. Its
// failure fails the run.
// - Retries are of leaf attempts. Lost attempts (the engine died) use no budget.
// - Resume: `restore` rebuilds the machine from rows. What has ended stays; of a run that had ended, the caller may
// have all that did not
//   succeed reset, `finally` included.
//
// Only instances that have something to do are held and written: items of a foreach come into being as slots get free.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "pipeline/run/run_plan.h"
#include "pipeline/run/run_state.h"

namespace stoker::pipeline {

using InstanceId = std::uint32_t;
using FrameId = std::uint32_t;
inline constexpr InstanceId kNoInstance = UINT32_MAX;
inline constexpr FrameId kMainFrame = 0;
inline constexpr FrameId kNoFrame = UINT32_MAX;

// More items than this is an error of the step that expands, not a run that never ends.
inline constexpr std::int64_t kMaximumItems = 1'000'000;
inline constexpr int kMaximumNesting = 64;
// Instances that are ready but have no slot: enough to keep every slot busy, few enough to keep the memory flat.
inline constexpr std::size_t kMinimumReadyWindow = 64;

namespace input {
struct Start {};
// Condition (if any) true, inputs resolved; for a foreach see Expanded.
struct Evaluated {
  InstanceId instance;
};
struct Expanded {
  InstanceId instance;
  std::int64_t count;
};
struct ConditionFalse {
  InstanceId instance;
};
// A value that it reads will never be there.
struct Unavailable {
  InstanceId instance;
  std::string what;
};
// `result->error` says what; the step fails with class userCode.
struct EvaluationFailed {
  InstanceId instance;
  StepResultPtr result;
};
struct CacheMiss {
  InstanceId instance;
};
struct CacheHit {
  InstanceId instance;
  StepResultPtr result;
};
// `jitter` in [0, 1): only used when the attempt is retried.
struct AttemptFinished {
  InstanceId instance;
  int attempt;
  bool succeeded;
  FailureClass failure_class;
  StepResultPtr result;
  double jitter = 0;
};
// The step's own timeout has passed since the attempt (leaf) or the frame (pipeline; attempt 0) started.
struct TimedOut {
  InstanceId instance;
  int attempt;
};
struct RetryDue {
  InstanceId instance;
};
// Answer to DecideRepeat: `error` set when `until` could not be evaluated.
struct RepeatDecided {
  InstanceId iteration;
  bool done;
  StepResultPtr error;
};
struct OutputsEvaluated {
  FrameId frame;
  bool ok;
  StepResultPtr result;
};
struct CancelRequested {};
// The timeout of a pipeline's own (`timeout:` at its top).
struct FrameTimedOut {
  FrameId frame;
};
}  // namespace input

using Input = std::variant<input::Start, input::Evaluated, input::Expanded, input::ConditionFalse, input::Unavailable,
                           input::EvaluationFailed, input::CacheMiss, input::CacheHit, input::AttemptFinished,
                           input::TimedOut, input::RetryDue, input::RepeatDecided, input::OutputsEvaluated,
                           input::CancelRequested, input::FrameTimedOut>;

namespace command {
// Evaluate what the instance needs next (see RunMachine::view): `when` of the step itself; the items of a foreach; the
// inputs otherwise.
struct Evaluate {
  InstanceId instance;
};
struct LookUpCache {
  InstanceId instance;
};
struct Dispatch {
  InstanceId instance;
  int attempt;
};
struct ScheduleRetry {
  InstanceId instance;
  Duration delay;
};
// at_once: no grace.
struct CancelAttempt {
  InstanceId instance;
  int attempt;
  bool at_once;
};
struct DecideRepeat {
  InstanceId iteration;
};
struct EvaluateOutputs {
  FrameId frame;
};
// The frame began, or goes on after a resume: what is left of its own timeout and, of a pipeline step, of the step's.
struct FrameOpened {
  FrameId frame;
  std::optional<Duration> timeout;
  std::optional<Duration> step_timeout;
};
struct FinishRun {};
}  // namespace command

using Command = std::variant<command::Evaluate, command::LookUpCache, command::Dispatch, command::ScheduleRetry,
                             command::CancelAttempt, command::DecideRepeat, command::EvaluateOutputs,
                             command::FrameOpened, command::FinishRun>;

// What must be written, in one transaction, before the commands that came with it are carried out.
struct Changes {
  std::vector<StepRow> steps;              // each at most once, as it is now
  std::vector<InstanceId> step_instances;  // parallel to `steps`
  std::vector<AttemptRow> attempts;
  std::vector<RunEvent> events;
  std::optional<RunRow> run;

  bool empty() const { return steps.empty() && attempts.empty() && events.empty() && !run; }
};

struct MachineOptions {
  int slots = 0;  // attempts at once; 0: no limit
  bool fail_fast = false;
  std::optional<Duration> timeout;  // of the run, beside the document's
};

enum class ResumeMode {
  unfinished,  // the engine died: go on
  again        // the run had ended: reset what did not succeed, and finally
};

class RunMachine {
 public:
  // A new run; `run` has run, pipeline, parameters, document_digest and started_at.
  RunMachine(std::shared_ptr<const RunPlan> plan, MachineOptions options, RunRow run);
  // From rows. Nothing is decided yet: `resume` does. Errors: rows of a newer machine, rows that do not fit the
  // document.
  static Result<RunMachine> restore(std::shared_ptr<const RunPlan> plan, MachineOptions options, RunRow run,
                                    std::span<const StepRow> steps);
  RunMachine(RunMachine&&) noexcept;
  RunMachine& operator=(RunMachine&&) noexcept;
  ~RunMachine();

  // Inputs that come too late (the instance has ended meanwhile, another attempt runs) change nothing.
  void apply(const Input& input, Moment now);
  // After restore: records the resume, the attempts that are lost, and goes on.
  void resume(ResumeMode mode, Moment now);
  // Nothing happened, but the time that passed is to be written: a crash would lose it.
  void keep_time(Moment now);

  Changes take_changes();
  std::vector<Command> take_commands();

  // --- views ---------------------------------------------------------------------------------------------------------
  // What an instance is.
  struct View {
    FrameId frame;
    std::uint32_t index;  // of its step in the frame's PlanPipeline
    const Step* step;
    InstanceKind kind;       // what it is itself: the item of a foreach over a command step is a leaf
    bool own;                // stands for the step itself, not for an item or iteration: `when` is evaluated with it
    std::int64_t item;       // -1: in no foreach of its own step
    std::int64_t iteration;  // -1: in no repeat of its own step
    FrameId inner;           // pipeline that runs or ran: its frame, else kNoFrame
    InstanceId parent;       // foreach of an item, repeat of an iteration, else kNoInstance
    StepState state;
    SkipCause cause;
    bool cached;
    int attempt;
    std::int64_t count;  // foreach: items
  };
  View view(InstanceId instance) const;
  StepPath path(InstanceId instance) const;
  const StepResultPtr& result(InstanceId instance) const;
  // Items of a foreach so far, in order; iterations of a repeat.
  std::span<const InstanceId> children(InstanceId instance) const;
  // The instance of a step in a frame; it exists for as long as the frame does.
  InstanceId instance_of(FrameId frame, std::uint32_t step) const;
  const PlanPipeline& pipeline_of(FrameId frame) const;
  // The pipeline instance that a frame belongs to; kNoInstance for the main one.
  InstanceId owner_of(FrameId frame) const;
  // How the frame's main steps ended, or how they stand: run.state for `finally`.
  RunState outcome(FrameId frame) const;
  const RunRow& run() const { return run_; }
  const std::shared_ptr<const RunPlan>& shared_plan() const { return plan_; }
  // Something is to be taken.
  bool has_work() const { return !commands_.empty() || !dirty_.empty() || run_dirty_ || !changes_.empty(); }
  std::size_t running_attempts() const { return running_; }
  std::size_t instance_count() const { return instances_.size(); }

 private:
  enum class Role : std::uint8_t { own, item, iteration };
  // Where a leaf (or a composite before it runs) stands between ready and running.
  enum class Phase : std::uint8_t {
    idle,
    pending,
    evaluating,
    looking_up,
    queued,
    blocked,
    attempting,
    backing_off,
    inside,
    deciding
  };
  enum class Ask : std::uint8_t { none, cancel, cancel_at_once, timeout };

  struct Instance {
    InstanceId parent = kNoInstance;
    FrameId frame = kMainFrame;
    FrameId inner = kNoFrame;  // pipeline: its frame
    std::uint32_t step = 0;
    Role role = Role::own;
    InstanceKind kind = InstanceKind::leaf;
    StepState state = StepState::waiting;
    Phase phase = Phase::idle;
    SkipCause cause = SkipCause::none;
    Ask ask = Ask::none;
    bool cached = false;
    bool dirty = false;
    bool closing = false;      // composite: starts nothing more
    bool evaluated = false;    // inputs are resolved (retries need not again)
    bool listed = false;       // foreach: in active_groups_
    std::int64_t number = -1;  // item or iteration
    std::int64_t count = -1;
    std::int64_t next = 0;  // foreach: no item before it is still to come
    std::int32_t attempt = 0;
    std::uint32_t active = 0;                                              // foreach: items that have not ended
    std::uint32_t failed = 0, cancelled = 0, succeeded = 0, uncached = 0;  // foreach: items by end
    RetriesUsed retries_used{};
    std::optional<FailureClass> failure_class;
    std::int64_t ready_at = 0, started_at = 0, finished_at = 0;  // milliseconds since the epoch; 0: not yet
    Duration opened{};                                           // RunRow::active at started_at
    StepResultPtr result;
    std::unique_ptr<std::string> reason;
    std::unique_ptr<std::vector<InstanceId>> children;
  };
  enum class FramePhase : std::uint8_t { main, finally, outputs, ended };
  struct Frame {
    InstanceId owner = kNoInstance;
    std::uint32_t pipeline = 0;
    FramePhase phase = FramePhase::main;
    StopReason stop = StopReason::none;
    int stop_level = 0;
    bool closing = false;  // its main part starts nothing more
    bool cached = true;    // all that succeeded was
    RunState main_outcome = RunState::running;
    std::uint32_t unsettled_main = 0, unsettled_finally = 0;
    std::uint32_t failed = 0, cancelled = 0;
    InstanceId first_failed = kNoInstance;
    int running = 0;                  // attempts, frames inside included
    int limit = 0;                    // 0: none
    std::vector<InstanceId> blocked;  // have everything but a slot of this frame
    std::deque<InstanceId> parked;    // may begin (or, a foreach, has more items) once this frame has a slot
    std::vector<InstanceId> instances;
    std::vector<std::uint32_t> missing;  // needs that have not settled, per step
  };

  // run_machine.cc: inputs and the life of one instance
  void dispatch_input(const Input& input);
  void on(const input::Start&);
  void on(const input::Evaluated&);
  void on(const input::Expanded&);
  void on(const input::ConditionFalse&);
  void on(const input::Unavailable&);
  void on(const input::EvaluationFailed&);
  void on(const input::CacheMiss&);
  void on(const input::CacheHit&);
  void on(const input::AttemptFinished&);
  void on(const input::TimedOut&);
  void on(const input::RetryDue&);
  void on(const input::RepeatDecided&);
  void on(const input::OutputsEvaluated&);
  void on(const input::CancelRequested&);
  void on(const input::FrameTimedOut&);
  bool expects(InstanceId instance, Phase phase) const;
  void begin(InstanceId id);
  void go_inside(InstanceId id);
  void queue(InstanceId id);
  void dispatch(InstanceId id);
  void attempt_failed(InstanceId id, const input::AttemptFinished& finished);
  void take_slot(FrameId frame, int sign);
  FrameId full_frame(FrameId frame) const;
  void release(FrameId frame);
  bool park(InstanceId id);

  // run_machine_flow.cc: frames, foreach, repeat, stopping
  InstanceId make_instance(FrameId frame, std::uint32_t step, Role role, InstanceId parent, std::int64_t number);
  FrameId make_frame(InstanceId owner, std::uint32_t pipeline);
  void open_frame(FrameId frame);
  void announce_frame(FrameId frame);
  void consider(FrameId frame, std::uint32_t step);
  void start_finally(FrameId frame);
  void frame_step_settled(InstanceId id);
  void advance_frame(FrameId frame);
  void end_frame(FrameId frame, StepResultPtr outputs);
  void end_run(RunState state, const StepResultPtr& outputs);
  void spawn_item(InstanceId group);
  bool unborn(InstanceId id) const;
  bool more_items(InstanceId group);
  bool group_has_room(InstanceId group) const;
  void item_settled(InstanceId id);
  void end_group_if_done(InstanceId group);
  void start_iteration(InstanceId repeat, std::int64_t number);
  void iteration_settled(InstanceId id);
  void stop_frame(FrameId frame, StopReason reason, int level);
  void stop_instance(InstanceId id, int level, const std::string& reason);
  void cancel_attempt(InstanceId id, int level);
  void fail_fast(InstanceId failed);
  RunState frame_outcome(const Frame& frame) const;
  void count_settled(Frame& frame, InstanceId id);
  void pump();
  bool begin_next();
  void dispatch_queued();
  void settle_all();
  void set_phase(Instance& instance, Phase phase);

  // run_machine_restore.cc
  void restore_frame(FrameId frame, class RowIndex& rows);
  bool restore_instance(InstanceId id, class RowIndex& rows);
  void reset_frame(FrameId frame);
  void reset_instance(InstanceId id);
  void reset_tree(InstanceId id);
  void clear_end(InstanceId id, StepState state);
  void lose_attempts();
  void inherit_stop(Frame& frame) const;
  void rewire_frame(FrameId frame);
  void rewire_instance(InstanceId id);
  void rewire_repeat(InstanceId id);

  // run_machine_record.cc: rows and events
  void set_time(Moment now);
  std::int64_t active_for(const Instance& instance) const;  // milliseconds since it started
  void mark(InstanceId id);
  void record(RunEventType type, InstanceId id, json::object fields = {});
  void record_run(RunEventType type, json::object fields);
  void record_attempt(InstanceId id, AttemptState state, std::optional<FailureClass> failure_class = {},
                      StepResultPtr result = {});
  void become_ready(InstanceId id);
  void become_running(InstanceId id);
  void succeed(InstanceId id, StepResultPtr result, bool cached);
  void fail(InstanceId id, FailureClass failure_class, StepResultPtr result);
  void skip(InstanceId id, SkipCause cause, std::string reason);
  void cancel(InstanceId id, std::string reason);
  void end_instance(InstanceId id, StepState state);
  StepRow row_of(InstanceId id) const;

  const PlanStep& plan_step(const Instance& instance) const;
  const Step& step_of(const Instance& instance) const { return *plan_step(instance).step; }

  std::shared_ptr<const RunPlan> plan_;
  MachineOptions options_;
  RunRow run_;
  bool run_dirty_ = false;
  WallTime now_{};
  Duration active_before_{};  // of earlier engines
  // Deques: references stay valid while instances and frames are made.
  std::deque<Instance> instances_;
  std::deque<Frame> frames_;
  std::size_t running_ = 0;               // attempts
  std::size_t warming_ = 0;               // ready instances that have no slot yet
  std::deque<InstanceId> pending_;        // may begin
  std::deque<InstanceId> active_groups_;  // foreach with items to come
  std::deque<InstanceId> queued_;         // want a slot
  std::deque<InstanceId> settled_;        // ended, and nobody told yet
  std::vector<InstanceId> dirty_;
  // Attempts of instances that a resume took back and that may come into being again: a number is never given twice.
  std::unordered_map<std::string, int> retained_;
  Changes changes_;
  std::vector<Command> commands_;
};

}  // namespace stoker::pipeline
