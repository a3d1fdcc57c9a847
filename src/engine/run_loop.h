// RunLoop: one run, from its first event to its last, on the caller's thread.
//
//   attempts, timers, cancel --inbox--> machine --rows, events--> one transaction --then--> observers, runner, timers
//
// Nothing that the outside can see happens before the transaction that records the intent. Inputs that wait are taken
// together, so the busier the run, the fewer transactions. Evaluation is answered at once and is part of the same
// transaction; cache lookups too, unless they must hash a large file: those go to a thread of their own.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/run_observer.h"
#include "engine/runner.h"
#include "engine/step_cache.h"
#include "metadata/store.h"
#include "pipeline/run/run_machine.h"
#include "pipeline/run/run_values.h"
#include "runtime/bounded_queue.h"
#include "runtime/event_loop.h"
#include "runtime/stop.h"

namespace stoker::engine {

// Live-only messages (progress, log lines) that wait beyond this are dropped; ends of attempts never are.
inline constexpr std::size_t kMaximumLiveBacklog = 10'000;
// Inputs of one transaction.
inline constexpr std::size_t kMaximumInputs = 1'000;
// How often the time that a run with a timeout has taken is written, when nothing else is: a crash loses at most this.
inline constexpr std::chrono::seconds kKeepTimeInterval{10};

struct RunLoopOptions {
  const Clock* clock = nullptr;
  std::function<double()> random;  // in [0, 1): jitter of retries
};

class RunLoop final : private AttemptEvents {
 public:
  // `machine` is new or restored. All references outlive the loop.
  RunLoop(pipeline::RunMachine machine, std::shared_ptr<const RunContext> context, metadata::Store& store,
          metadata::Epoch epoch, Runner& runner, StepCache& cache, RunObserver& observer, RunLoopOptions options);
  ~RunLoop() override;

  // Until the run has ended. An error leaves the run resumable: the store refused a write, another engine has taken
  // over.
  Result<pipeline::RunState> run_new();
  Result<pipeline::RunState> run_restored(pipeline::ResumeMode mode);

  // Thread-safe: in order first, at once the second time or with `at_once`.
  void cancel(bool at_once);
  // Thread-safe.
  runtime::EventLoop& loop() { return loop_; }

 private:
  struct Finished {
    AttemptId id;
    AttemptResult result;
  };
  struct Started {
    AttemptId id;
    std::optional<std::int64_t> pid;
  };
  struct LookedUp {
    pipeline::InstanceId instance;
    StepCache::Answer answer;
  };
  struct Cancel {
    bool at_once;
  };
  using Message = std::variant<Finished, Started, LookedUp, Cancel, pipeline::Input, json::object>;
  struct Attempt {
    pipeline::InstanceId instance;
    int number;
    runtime::TimerId timer = runtime::TimerId::none;
  };
  // What a lookup found out about an instance that is on its way.
  // AttemptEvents, from any thread
  void started(const AttemptId& id, std::optional<std::int64_t> pid) override;
  void progress(const AttemptId& id, AttemptProgress progress) override;
  void metric(const AttemptId& id, std::string name, double value, std::optional<std::int64_t> step) override;
  void log_line(const AttemptId& id, std::string stream, std::string line) override;
  void finished(const AttemptId& id, AttemptResult result) override;
  void post(Message message, bool droppable);

  Result<pipeline::RunState> run();
  void turn();
  void handle(Message message);
  void handle_finished(Finished message);
  void handle_looked_up(LookedUp message);
  void settle();
  void answer(const pipeline::Command& command, std::vector<pipeline::Command>& later);
  void look_up(pipeline::InstanceId instance);
  Result<void> write();
  void add_cache_entry(const pipeline::StepRow& row, pipeline::InstanceId instance, metadata::Batch& batch);
  void instance_ended(pipeline::InstanceId instance);
  void carry_out(const pipeline::Command& command);
  void dispatch(pipeline::InstanceId instance, int attempt);
  void open_frame(const pipeline::command::FrameOpened& opened);
  void keep_time();
  pipeline::Moment now() const;
  void later_input(std::chrono::milliseconds delay, pipeline::Input input);
  void publish(const json::object& line) { observer_.on_event(line); }
  json::object live(std::string_view type, const AttemptId& id) const;
  std::string attempt_folder(const StepPath& path, int attempt) const;
  void fail(Error error);

  pipeline::RunMachine machine_;
  pipeline::RunValues values_;
  const std::shared_ptr<const RunContext> context_;
  const std::string attempts_folder_;
  metadata::Store& store_;
  const metadata::Epoch epoch_;
  Runner& runner_;
  StepCache& cache_;
  RunObserver& observer_;
  const RunLoopOptions options_;
  runtime::EventLoop loop_;
  const SteadyTime began_;
  bool keeps_time_ = false;

  std::mutex mutex_;
  std::deque<Message> inbox_;  // guarded by mutex_
  std::size_t dropped_ = 0;    // guarded by mutex_
  bool woken_ = false;         // guarded by mutex_

  std::map<std::pair<std::string, int>, Attempt> attempts_;
  std::unordered_map<pipeline::InstanceId, StepCache::Answer> keyed_;  // misses
  std::unordered_map<pipeline::InstanceId, Observed> observed_;
  std::unordered_map<std::string, json::object> not_kept_;  // path -> what its event says of the cache
  // Single flight: who makes the result of a key, and who waits for it.
  std::unordered_map<std::string, pipeline::InstanceId> makers_;
  std::unordered_map<std::string, std::vector<pipeline::InstanceId>> waiters_;
  std::vector<pipeline::InstanceId> look_again_;
  std::unique_ptr<runtime::BoundedQueue<std::function<void()>>> lookups_;
  std::thread lookup_thread_;
  runtime::StopSource lookup_stop_;  // stopped when nobody waits for an answer any more
  std::optional<Error> failed_;
  bool done_ = false;
};

}  // namespace stoker::engine
