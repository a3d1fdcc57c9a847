// RunValues: what the expressions of a run mean. It answers the run machine's evaluation commands from the parameters
// and from the results that the machine holds, so it has no state that a restart would lose: what it keeps are the
// inputs resolved for instances that are on their way.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "expression/expression.h"
#include "pipeline/run/run_machine.h"
#include "pipeline/step_templates.h"

namespace stoker::pipeline {

// A leaf, resolved: what the cache key and the runner see.
struct ResolvedStep {
  std::shared_ptr<const Step> step;  // body and environment evaluated
  json::object inputs;               // name -> binding
};

// What a name stands for, in its two forms: as expressions see it and, where that says less than the artifact does (of
// a dataclass only the map of its fields), as a Python step is handed it.
template <class T>
struct Bound {
  T plain;
  std::optional<T> typed;

  const T& fullest() const { return typed ? *typed : plain; }
};

// The binding that an output record stands for: its value, or the artifact.
json::value binding_of_record(const json::value& record);
// The record of a binding: {"artifact": {…}} or {"value": …}.
json::object record_of_binding(json::value binding);

class RunValues {
 public:
  // `parameters`: of the main pipeline, complete (defaults applied), as bindings.
  RunValues(std::shared_ptr<const RunPlan> plan, json::object parameters);
  ~RunValues();

  // The answers to command::Evaluate, DecideRepeat and EvaluateOutputs.
  Input evaluate(const RunMachine& machine, InstanceId instance);
  Input decide_repeat(const RunMachine& machine, InstanceId iteration);
  Input evaluate_outputs(const RunMachine& machine, FrameId frame);

  // Of a leaf between its Evaluated and release(); null otherwise.
  const ResolvedStep* resolved(InstanceId instance) const;
  // The instance has ended: forget what was kept for it.
  void release(const RunMachine& machine, InstanceId instance);
  std::size_t held() const { return resolved_.size(); }

 private:
  class InstanceScope;
  Result<Input> try_evaluate(const RunMachine& machine, InstanceId instance);
  Result<std::shared_ptr<const StepTemplates>> templates(const RunMachine& machine, FrameId frame, std::uint32_t step);
  Result<Bound<json::object>> inputs(const RunMachine& machine, InstanceId instance);
  Result<const Bound<json::object>*> parameters(const RunMachine& machine, FrameId frame);
  Result<const Bound<json::array>*> items(const RunMachine& machine, InstanceId group);
  const Bound<json::value>& gathered(const RunMachine& machine, InstanceId group, const std::string& output);

  std::shared_ptr<const RunPlan> plan_;
  std::unordered_map<const Step*, std::shared_ptr<const StepTemplates>> templates_;
  std::unordered_map<FrameId, Bound<json::object>> parameters_;
  std::unordered_map<InstanceId, Bound<json::array>> items_;
  std::unordered_map<InstanceId, std::unordered_map<std::string, Bound<json::value>>> gathered_;
  std::unordered_map<InstanceId, ResolvedStep> resolved_;
};

}  // namespace stoker::pipeline
