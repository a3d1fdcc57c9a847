// What the store can do: commits a second, and the list of 10,000 runs as the command line sees it. Run the release
// build.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

#include "metadata/store.h"
#include "runtime/file.h"

namespace stoker::metadata {
namespace {

const WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

RunRow sample_run(const std::string& id, WallTime created = kNow) {
  RunRow run;
  run.id = RunId(id);
  run.pipeline = PipelineName("bench");
  run.document = {{"name", "bench"}};
  run.document_digest = "d";
  run.created = created;
  return run;
}

// One transition of a step as the engine writes it: an event, the step's row, the attempt's row.
Batch transition(std::int64_t seq, Durability durability) {
  Batch batch;
  batch.durability = durability;
  const StepPath path(fmt::format("train[{}]", seq / 3));
  batch.events = {{.seq = seq,
                   .time = kNow,
                   .type = "step.succeeded",
                   .payload = {{"step", path.str()}, {"attempt", 1}, {"duration_ms", 12}}}};
  StepRow step;
  step.path = path;
  step.name = StepName("train");
  step.state = "succeeded";
  step.inputs = {{"trees", 20}, {"data", {{"$artifact", {{"uri", "/store/artifacts/bench/run/split/1/train"}}}}}};
  step.outputs = {
      {"output", {{"artifact", {{"uri", "/store/artifacts/bench/run/" + path.str() + "/1/output"}}}, {"value", 0.5}}}};
  batch.steps = {step};
  batch.attempts = {{.path = path, .attempt = 1, .state = "succeeded", .pid = 4242}};
  return batch;
}

class Folder {
 public:
  std::unique_ptr<Store> open() { return Store::open(folder_.path()).value(); }

 private:
  runtime::TemporaryDirectory folder_ = runtime::TemporaryDirectory::make("store-bench").value();
};

void BM_Commit(benchmark::State& state) {
  Folder folder;
  auto store = folder.open();
  const auto epoch = store->create_run(sample_run("r")).value();
  const auto durability = state.range(0) == 0 ? Durability::process_kill : Durability::power_loss;
  std::int64_t seq = 0;
  for (auto _ : state) {
    if (!store->commit(RunId("r"), epoch, transition(++seq, durability)).ok()) state.SkipWithError("commit failed");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Commit)->ArgName("power_loss")->Arg(0)->Arg(1)->UseRealTime();

// A bounded number under way, as an engine with many steps does.
void BM_CommitAsync(benchmark::State& state) {
  constexpr int kUnderWay = 64;
  Folder folder;
  auto store = folder.open();
  const auto epoch = store->create_run(sample_run("r")).value();
  std::mutex mutex;
  std::condition_variable changed;
  int under_way = 0;
  std::int64_t seq = 0;
  for (auto _ : state) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return under_way < kUnderWay; });
      ++under_way;
    }
    store->commit_async(RunId("r"), epoch, transition(++seq, Durability::process_kill), [&](Result<void>) {
      std::scoped_lock lock(mutex);
      --under_way;
      changed.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return under_way == 0; });
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CommitAsync)->UseRealTime();

void BM_OpenAndListRuns(benchmark::State& state) {
  Folder folder;
  {
    auto store = folder.open();
    for (int i = 0; i < state.range(0); ++i) {
      const auto id = fmt::format("20260101-{:06}-aaaa", i);
      (void)store->create_run(sample_run(id, kNow + std::chrono::seconds(i)));
      Batch batch;
      for (int s = 0; s < 6; ++s) {
        auto part = transition(3 * s + 1, Durability::process_kill);
        batch.steps.push_back(part.steps[0]);
      }
      (void)store->commit(RunId(id), 1, std::move(batch));
    }
  }
  for (auto _ : state) {
    auto store = folder.open();
    auto runs = store->list_runs({.limit = 0, .count_steps = state.range(1) != 0});
    benchmark::DoNotOptimize(runs);
    if (!runs.ok() || runs->size() != static_cast<std::size_t>(state.range(0))) state.SkipWithError("list failed");
  }
}
BENCHMARK(BM_OpenAndListRuns)
    ->ArgNames({"runs", "count_steps"})
    ->Args({10'000, 0})
    ->Args({10'000, 1})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void BM_Open(benchmark::State& state) {
  Folder folder;
  {
    (void)folder.open()->create_run(sample_run("r"));
  }
  for (auto _ : state)
    benchmark::DoNotOptimize(folder.open());
}
BENCHMARK(BM_Open)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
}  // namespace stoker::metadata
