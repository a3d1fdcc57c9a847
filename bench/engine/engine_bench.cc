// The engine with a runner that does nothing and a store on disk: steps a second, and how long a step that is ready
// waits until it is handed to the runner. Memory is measured by `stoker` itself (bench/run, scenario `large`).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "documents.h"
#include "engine/engine.h"
#include "objects/local_artifact_store.h"
#include "pipeline/parameters.h"
#include "pipeline/validate.h"
#include "runtime/file.h"

namespace stoker::engine {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kChains = 64;
// Of one step in its life: ready, started, succeeded.
constexpr int kTransitionsPerStep = 3;

// Attempts end on a thread of its own: at once, or evenly at `ends_per_second`. A step is ready at the moment when the
// one before it in its chain ended, so the time from there to its start() is what it waited: inbox, machine,
// transaction, dispatch.
class NullRunner final : public Runner {
 public:
  explicit NullRunner(double ends_per_second) : thread_([this, ends_per_second] { end_attempts(ends_per_second); }) {}
  ~NullRunner() override {
    {
      std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  std::string name() const override { return "null runner"; }
  Result<void> supports(const pipeline::Step&) const override { return {}; }
  int slots() const override { return kChains; }
  Result<void> end_lost(std::span<const LostAttempt>) override { return {}; }
  void start(AttemptSpec spec, AttemptEvents& events) override {
    const auto now = SteadyClock::now();
    events.started(spec.id, 1);
    std::scoped_lock lock(mutex_);
    if (auto& ended = ended_[chain_of(spec.id)]; ended != SteadyClock::time_point{}) {
      waits_.push_back(std::chrono::duration<double, std::milli>(now - ended).count());
    }
    running_.emplace_back(std::move(spec.id), &events);
    changed_.notify_one();
  }
  void cancel(const AttemptId&, std::chrono::milliseconds) override {}
  void stop() override {}

  // In milliseconds, sorted.
  std::vector<double> waits() {
    std::ranges::sort(waits_);
    return waits_;
  }

 private:
  // s<number>, or s[<number>].
  static std::size_t chain_of(const AttemptId& id) {
    const std::string& path = id.step.str();
    return static_cast<std::size_t>(std::stoi(path.substr(path[1] == '[' ? 2 : 1))) % kChains;
  }

  void end_attempts(double per_second) {
    auto next = SteadyClock::now();
    while (true) {
      if (per_second > 0) {
        next += std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(1 / per_second));
        std::this_thread::sleep_until(next);
      }
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !running_.empty(); });
      if (running_.empty()) return;
      auto [id, events] = std::move(running_.front());
      running_.pop_front();
      ended_[chain_of(id)] = SteadyClock::now();
      lock.unlock();
      AttemptResult result;
      result.succeeded = true;
      events->finished(id, std::move(result));
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<AttemptId, AttemptEvents*>> running_;
  std::vector<SteadyClock::time_point> ended_ = std::vector<SteadyClock::time_point>(kChains);
  std::vector<double> waits_;
  bool stopping_ = false;
  std::thread thread_;
};

struct NoObserver final : RunObserver {
  void on_event(const json::object&) override {}
};

RunRequest request_of(std::string text) {
  RunRequest request;
  request.document = std::make_shared<const pipeline::Document>(
      pipeline::load_document(std::move(text), "bench.json", {.directory = "/", .read_file = {}}).value());
  request.parameters = pipeline::bind_parameters(request.document->main.parameters, "/", {}).value();
  request.project_root = request.working_directory = "/";
  return request;
}

// `transitions`: a second, of all steps together; 0: as fast as it goes.
void run(benchmark::State& state, const std::string& text, int steps, double transitions) {
  const auto folder = runtime::TemporaryDirectory::make("engine-bench").value();
  const auto store = metadata::Store::open(folder.path()).value();
  const objects::LocalArtifactStore artifacts(folder.path());
  const SystemClock clock;
  double drawn = 0;
  std::vector<double> waits;
  for (auto _ : state) {
    state.PauseTiming();
    NullRunner runner(transitions / kTransitionsPerStep);
    Engine engine(*store, artifacts, runner,
                  {.clock = &clock, .random = [&] { return drawn = drawn < 0.9 ? drawn + 0.0137 : 0; }});
    NoObserver observer;
    RunRequest request = request_of(text);
    state.ResumeTiming();
    const auto outcome = engine.run(std::move(request), observer);
    state.PauseTiming();
    if (!outcome || outcome->state != pipeline::RunState::succeeded) state.SkipWithError("the run did not succeed");
    waits = runner.waits();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * steps);
  if (waits.empty()) return;
  state.counters["wait_p50_ms"] = waits[waits.size() / 2];
  state.counters["wait_p99_ms"] = waits[waits.size() * 99 / 100];
}

void BM_RunListed(benchmark::State& state) {
  const int steps = static_cast<int>(state.range(0));
  run(state, bench::listed_document(steps, kChains), steps, 0);
}
BENCHMARK(BM_RunListed)->ArgName("steps")->Arg(2'000)->Arg(100'000)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_RunForeach(benchmark::State& state) {
  const int items = static_cast<int>(state.range(0));
  run(state, bench::foreach_document(items, kChains), items, 0);
}
BENCHMARK(BM_RunForeach)->ArgName("items")->Arg(2'000)->Arg(100'000)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_RunAtRate(benchmark::State& state) {
  constexpr int kSteps = 2'000;
  run(state, bench::listed_document(kSteps, kChains), kSteps, static_cast<double>(state.range(0)));
}
BENCHMARK(BM_RunAtRate)
    ->ArgName("transitions_per_second")
    ->Arg(500)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(1);

}  // namespace
}  // namespace stoker::engine
