#include "pipeline/run/run_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "pipeline/step_templates.h"

namespace stoker::pipeline {

namespace {

Error defect(std::string message) {
  return {ErrorCode::internal, std::move(message), "the document was not validated", {}, false};
}

// The strongest way in which a step needs another wins: value over soft over order.
void add_need(PlanStep& step, std::uint32_t on, NeedKind kind) {
  const auto strength = [](NeedKind k) { return k == NeedKind::value ? 2 : k == NeedKind::soft ? 1 : 0; };
  const auto known = std::ranges::find_if(step.needs, [&](const PlanNeed& need) { return need.step == on; });
  if (known == step.needs.end()) {
    step.needs.push_back({on, kind});
  } else if (strength(kind) > strength(known->kind)) {
    known->kind = kind;
  }
}

Result<void> add_needs(PlanPipeline& plan, std::uint32_t index) {
  PlanStep& step = plan.steps[index];
  const auto add = [&](const std::string& name, NeedKind kind) -> Result<void> {
    const auto found = plan.by_name.find(name);
    if (found == plan.by_name.end())
      return defect(fmt::format("step {} needs {}, which does not exist", step.step->name.str(), name));
    add_need(step, found->second, kind);
    return {};
  };
  for (const StepName& name : step.step->needs)
    TRY(add(name.str(), NeedKind::order));
  auto references = step_references(*step.step);
  if (!references) return std::move(references).error().with_context(fmt::format("step {}", step.step->name.str()));
  for (const expression::Reference& reference : *references) {
    if (reference.kind == expression::ReferenceKind::step_output) {
      TRY(add(reference.step, reference.soft ? NeedKind::soft : NeedKind::value));
    } else if (reference.kind == expression::ReferenceKind::step_state) {
      TRY(add(reference.step, NeedKind::order));
    }
  }
  for (const PlanNeed& need : step.needs) {
    if (plan.is_finally(need.step) && !plan.is_finally(index)) return defect("a step needs a finally step");
    if (plan.is_finally(need.step) == plan.is_finally(index)) plan.steps[need.step].dependants.push_back(index);
  }
  return {};
}

// A step in a cycle is never reached by taking away settled needs.
bool has_cycle(const PlanPipeline& plan) {
  std::vector<std::uint32_t> missing(plan.steps.size(), 0);
  for (const PlanStep& step : plan.steps) {
    for (const std::uint32_t dependant : step.dependants)
      ++missing[dependant];
  }
  std::vector<std::uint32_t> ready;
  for (std::uint32_t i = 0; i < missing.size(); ++i) {
    if (missing[i] == 0) ready.push_back(i);
  }
  std::size_t reached = 0;
  while (!ready.empty()) {
    const std::uint32_t at = ready.back();
    ready.pop_back();
    ++reached;
    for (const std::uint32_t dependant : plan.steps[at].dependants) {
      if (--missing[dependant] == 0) ready.push_back(dependant);
    }
  }
  return reached != plan.steps.size();
}

// Pipelines contain each other without end, or too deep?
Result<void> check_nesting(const RunPlan& plan) {
  std::vector<int> depth(plan.pipelines.size(), 0);  // 0: not known, -1: being looked at
  const std::function<Result<void>(std::size_t, int)> visit = [&](std::size_t index, int level) -> Result<void> {
    if (level > 64 || depth[index] < 0)
      return defect(
          fmt::format("pipeline {} contains itself, or too deep", plan.pipelines[index].pipeline->name.str()));
    if (depth[index] > 0) return {};
    depth[index] = -1;
    for (const PlanStep& step : plan.pipelines[index].steps) {
      if (step.pipeline >= 0) TRY(visit(static_cast<std::size_t>(step.pipeline), level + 1));
    }
    depth[index] = 1;
    return {};
  };
  return visit(0, 1);
}

}  // namespace

Result<std::shared_ptr<const RunPlan>> make_run_plan(std::shared_ptr<const Document> document) {
  auto plan = std::make_shared<RunPlan>();
  plan->document = std::move(document);
  const Document& written = *plan->document;
  std::map<std::string, std::int32_t, std::less<>> numbers;
  plan->pipelines.emplace_back().pipeline = &written.main;
  for (const auto& [name, pipeline] : written.pipelines) {
    numbers[name] = static_cast<std::int32_t>(plan->pipelines.size());
    plan->pipelines.emplace_back().pipeline = &pipeline;
  }
  for (PlanPipeline& one : plan->pipelines) {
    one.main_count = static_cast<std::uint32_t>(one.pipeline->steps.size());
    one.steps.resize(one.pipeline->steps.size() + one.pipeline->finally.size());
    for (std::uint32_t i = 0; i < one.steps.size(); ++i) {
      PlanStep& step = one.steps[i];
      step.step = one.is_finally(i) ? &one.pipeline->finally[i - one.main_count] : &one.pipeline->steps[i];
      one.by_name.emplace(step.step->name.str(), i);
      if (const auto* inner = std::get_if<PipelineStep>(&step.step->body)) {
        const auto found = numbers.find(inner->pipeline);
        if (found == numbers.end()) return defect(fmt::format("pipeline {} does not exist", inner->pipeline));
        step.pipeline = found->second;
      }
    }
    for (std::uint32_t i = 0; i < one.steps.size(); ++i)
      TRY(add_needs(one, i));
    if (has_cycle(one))
      return defect(fmt::format("the steps of pipeline {} wait for each other", one.pipeline->name.str()));
  }
  TRY(check_nesting(*plan));
  return std::shared_ptr<const RunPlan>(std::move(plan));
}

}  // namespace stoker::pipeline
