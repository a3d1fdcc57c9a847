#include "local/runner.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/overloaded.h"
#include "local/attempt.h"
#include "local/recovery.h"
#include "local/steps/command.h"
#include "local/steps/python_attempt.h"
#include "local/steps/python_service.h"
#include "local/steps/spark_application.h"
#include "local/steps/spark_attempt.h"
#include "local/steps/wait.h"

namespace stoker::local {

namespace {

constexpr int kHelperThreads = 2;
// Leasing blocks until a JVM has started; more at once than this make no machine faster.
constexpr int kLeaseThreads = 4;
constexpr int kReleaseThreads = 2;
constexpr std::chrono::seconds kRecoveryLimit{30};

}  // namespace

// The loop's thread and all that lives on it.
class LocalRunner::Loop {
 public:
  Loop(const LocalRunnerOptions& options, std::shared_ptr<PythonHost> compiled)
      : options_(options), compiled_(std::move(compiled)), loop_(*options.clock), thread_([this] { run(); }) {}
  ~Loop() { stop(); }

  void start(engine::AttemptSpec spec, engine::AttemptEvents& events) {
    {
      std::scoped_lock lock(mutex_);
      ++unfinished_;
    }
    loop_.post([this, spec = std::move(spec), &events]() mutable { begin(std::move(spec), events); });
  }

  void cancel(const engine::AttemptId& id, std::chrono::milliseconds grace) {
    loop_.post([this, id, grace] {
      auto found = attempts_.find(id);
      if (found == attempts_.end()) return;
      auto alive = found->second;  // cancel may finish it, which erases it
      alive->cancel(grace);
    });
  }

  void stop() {
    if (!thread_.joinable()) return;
    loop_.post([this] {
      stop_.request_stop();  // the outputs that are being collected are nobody's any more
      cancel_all();
    });
    {
      std::unique_lock lock(mutex_);
      none_left_.wait(lock, [this] { return unfinished_ == 0; });
    }
    loop_.stop();
    thread_.join();
  }

 private:
  void run() {
    runtime::FileWatcher watcher(loop_);
    LocalWorkers workers(kHelperThreads);
    LocalWorkers lease_workers(kLeaseThreads);
    LocalWorkers release_workers(kReleaseThreads);
    LocalServices services{options_, *options_.clock, loop_,           watcher,
                           workers,  lease_workers,   release_workers, stop_.get_token()};
    PythonService python(options_, loop_, std::move(compiled_));
    services_ = &services;
    python_ = &python;
    loop_.run();
  }

  void begin(engine::AttemptSpec spec, engine::AttemptEvents& events) {
    engine::AttemptId id = spec.id;
    auto attempt = make(std::move(spec), events);
    attempts_.emplace(std::move(id), attempt);
    attempt->begin();
  }

  std::shared_ptr<LocalAttempt> make(engine::AttemptSpec spec, engine::AttemptEvents& events) {
    auto done = [this](const engine::AttemptId& id) { finished(id); };
    auto step = spec.step;
    return std::visit(overloaded{[&](const pipeline::WaitStep&) -> std::shared_ptr<LocalAttempt> {
                                   return std::make_shared<WaitAttempt>(std::move(spec), events, *services_, done);
                                 },
                                 [&](const pipeline::CommandStep&) -> std::shared_ptr<LocalAttempt> {
                                   return std::make_shared<CommandAttempt>(std::move(spec), events, *services_, done);
                                 },
                                 [&](const pipeline::PythonStep&) -> std::shared_ptr<LocalAttempt> {
                                   return std::make_shared<PythonAttempt>(std::move(spec), events, *services_, done,
                                                                          *python_);
                                 },
                                 [&](const pipeline::SparkStep&) -> std::shared_ptr<LocalAttempt> {
                                   return std::make_shared<SparkApplicationAttempt>(std::move(spec), events, *services_,
                                                                                    done, *python_);
                                 },
                                 [&](const auto&) -> std::shared_ptr<LocalAttempt> {
                                   return std::make_shared<RefusedAttempt>(std::move(spec), events, *services_, done);
                                 }},
                      step->body);
  }

  // A step that supports() refuses.
  class RefusedAttempt final : public LocalAttempt {
   public:
    using LocalAttempt::LocalAttempt;
    void begin() override {
      fail(Error{.code = ErrorCode::unsupported, .message = "the local runner cannot run this kind of step"});
    }
    void cancel(std::chrono::milliseconds) override {}
  };

  void finished(const engine::AttemptId& id) {
    // The attempt is in one of its own functions: it goes in the next round.
    loop_.post([this, id] {
      attempts_.erase(id);
      std::scoped_lock lock(mutex_);
      if (--unfinished_ == 0) none_left_.notify_all();
    });
  }

  void cancel_all() {
    auto all = attempts_;
    for (auto& [id, attempt] : all)
      attempt->cancel(std::chrono::milliseconds(0));
  }

  const LocalRunnerOptions& options_;
  std::shared_ptr<PythonHost> compiled_;
  runtime::EventLoop loop_;
  runtime::StopSource stop_;
  std::map<engine::AttemptId, std::shared_ptr<LocalAttempt>> attempts_;  // of the loop's thread
  LocalServices* services_ = nullptr;                                    // of the loop's thread
  PythonService* python_ = nullptr;                                      // of the loop's thread
  std::mutex mutex_;
  std::condition_variable none_left_;
  std::size_t unfinished_ = 0;  // guarded by mutex_
  std::thread thread_;          // last: it uses all above
};

LocalRunner::LocalRunner(LocalRunnerOptions options)
    : options_(std::move(options)), loop_(std::make_unique<Loop>(options_, std::move(options_.host))) {}

LocalRunner::~LocalRunner() = default;

Result<void> LocalRunner::supports(const pipeline::Step& step) const {
  if (std::holds_alternative<pipeline::ResourceStep>(step.body)) {
    return Error{
        .code = ErrorCode::unsupported,
        .message = "the step \"" + step.name.str() + "\" is a resource step: a local run has no cluster to apply it to",
        .hint = "run the pipeline on a stack with a cluster, or guard the step with when:"};
  }
  return {};
}

int LocalRunner::slots() const {
  if (options_.slots > 0) return options_.slots;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

Result<void> LocalRunner::end_lost(std::span<const engine::LostAttempt> attempts) {
  const auto context = runtime::Context{}.with_timeout(*options_.clock, kRecoveryLimit);
  return end_lost_attempts(attempts, context, *options_.clock);
}

void LocalRunner::start(engine::AttemptSpec spec, engine::AttemptEvents& events) {
  loop_->start(std::move(spec), events);
}

void LocalRunner::cancel(const engine::AttemptId& id, std::chrono::milliseconds grace) {
  loop_->cancel(id, grace);
}

void LocalRunner::stop() {
  loop_->stop();
}

}  // namespace stoker::local
