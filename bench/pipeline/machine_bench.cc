// The pure half: reading a document of 100,000 steps, and the run machine without anything around it.
#include <benchmark/benchmark.h>

#include <deque>

#include "documents.h"
#include "pipeline/run/run_machine.h"
#include "pipeline/run/run_plan.h"
#include "pipeline/validate.h"

namespace stoker::pipeline {
namespace {

constexpr int kChains = 100;

std::shared_ptr<const RunPlan> plan_of(std::string text) {
  auto document = load_document(std::move(text), "bench.json");
  if (!document) return nullptr;
  auto plan = make_run_plan(std::make_shared<const Document>(std::move(*document)));
  return plan ? *plan : nullptr;
}

// Text to plan: parse, check against the schema, check the references, find cycles, number the steps.
void BM_Plan(benchmark::State& state) {
  const std::string text = bench::listed_document(static_cast<int>(state.range(0)), kChains);
  for (auto _ : state) {
    const auto plan = plan_of(text);
    if (plan == nullptr) state.SkipWithError("the document is not valid");
    benchmark::DoNotOptimize(plan);
  }
}
BENCHMARK(BM_Plan)->ArgName("steps")->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

// A whole run: each event of the machine's log is one transition. Rows and events are taken as an engine would, and
// dropped.
struct Drive {
  RunMachine machine;
  std::deque<Input> inputs;
  std::int64_t transitions = 0;
  Moment now{};

  void take() {
    transitions += static_cast<std::int64_t>(machine.take_changes().events.size());
    for (const Command& command : machine.take_commands()) {
      if (const auto* one = std::get_if<command::Evaluate>(&command)) {
        const auto view = machine.view(one->instance);
        if (view.kind == InstanceKind::foreach) {
          inputs.emplace_back(input::Expanded{one->instance, 100'000});
        } else {
          inputs.emplace_back(input::Evaluated{one->instance});
        }
      } else if (const auto* run = std::get_if<command::Dispatch>(&command)) {
        inputs.emplace_back(input::AttemptFinished{run->instance, run->attempt, true, FailureClass::user_code,
                                                   std::make_shared<StepResult>(), 0});
      }
    }
  }
  void run() {
    for (inputs.emplace_back(input::Start{}); !inputs.empty(); inputs.pop_front()) {
      now.wall += std::chrono::milliseconds(1);
      now.active += std::chrono::milliseconds(1);
      machine.apply(inputs.front(), now);
      take();
    }
  }
};

void drive(benchmark::State& state, const std::shared_ptr<const RunPlan>& plan) {
  if (plan == nullptr) return state.SkipWithError("the document is not valid");
  std::int64_t transitions = 0;
  for (auto _ : state) {
    Drive one{RunMachine(plan, {.slots = kChains}, RunRow{.run = RunId("r")}), {}, 0, {}};
    one.run();
    if (one.machine.run().state != RunState::succeeded) state.SkipWithError("the run did not succeed");
    transitions += one.transitions;
  }
  state.SetItemsProcessed(transitions);
}

void BM_Transitions(benchmark::State& state) {
  drive(state, plan_of(bench::listed_document(static_cast<int>(state.range(0)), kChains)));
}
BENCHMARK(BM_Transitions)->ArgName("steps")->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

void BM_TransitionsForeach(benchmark::State& state) {
  drive(state, plan_of(bench::foreach_document(100'000, kChains)));
}
BENCHMARK(BM_TransitionsForeach)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace stoker::pipeline
