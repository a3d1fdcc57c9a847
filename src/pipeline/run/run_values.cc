#include "pipeline/run/run_values.h"

#include <fmt/format.h>

#include "expression/reference.h"
#include "expression/value.h"
#include "pipeline/parameters.h"

namespace stoker::pipeline {

using expression::Reference;
using expression::ReferenceKind;
using expression::Value;

namespace {

// Parsed templates kept at once: a document of 100,000 different steps must not hold them all.
constexpr std::size_t kMaximumKeptTemplates = 1024;

StepResultPtr evaluation_error(const Error& error) {
  auto result = std::make_shared<StepResult>();
  result->error = {
      {"class", failure_class_name(FailureClass::user_code)}, {"type", "expression"}, {"message", error.describe()}};
  if (!error.hint.empty()) result->error["hint"] = error.hint;
  return result;
}

// The inputs of a sub-pipeline's step as its parameters.
Result<json::object> bind(const Pipeline& pipeline, json::object given) {
  return bind_parameters(pipeline.parameters, pipeline.directory,
                         GivenParameters{.values = std::move(given), .values_are_bindings = true});
}

}  // namespace

json::value binding_of_record(const json::value& record) {
  const json::object& object = record.as_object();
  if (const json::value* value = object.if_contains("value")) return *value;
  return json::object{{"$artifact", object.at("artifact")}};
}

json::object record_of_binding(json::value binding) {
  if (auto* object = binding.if_object(); object != nullptr && object->size() == 1) {
    if (json::value* artifact = object->if_contains("$artifact")) return {{"artifact", std::move(*artifact)}};
  }
  return {{"value", std::move(binding)}};
}

// What names mean for one instance (or for the outputs of a frame: no instance).
class RunValues::InstanceScope final : public expression::Scope {
 public:
  InstanceScope(RunValues& values, const RunMachine& machine, FrameId frame, InstanceId instance)
      : values_(values), machine_(machine), frame_(frame), instance_(instance) {}

  // `inputs.x` means something: not where the inputs themselves, or what comes before them, are evaluated.
  void know_inputs() { knows_inputs_ = true; }
  // Of the instance, resolved once.
  Result<json::object*> inputs() const {
    if (!inputs_) {
      TRY_ASSIGN(inputs_, values_.inputs(machine_, instance_));
    }
    return &*inputs_;
  }

  // Whose outputs `outputs.x` means, in until and carry.
  void set_iteration_outputs(const StepResult* result) { outputs_ = result; }

  Result<Value> lookup(const Reference& reference) const override {
    switch (reference.kind) {
      case ReferenceKind::parameter: return parameter(reference);
      case ReferenceKind::step_output: return step_output(reference);
      case ReferenceKind::step_state: {
        const auto other = sibling(reference);
        if (!other) return other.error();
        return Value(json::value(step_state_name(machine_.view(*other).state)));
      }
      case ReferenceKind::item: return item();
      case ReferenceKind::index: return Value(json::value(machine_.view(instance_).item));
      case ReferenceKind::iteration: return Value(json::value(machine_.view(instance_).iteration));
      case ReferenceKind::output: return output_of(outputs_, reference);
      case ReferenceKind::input: return input(reference);
      case ReferenceKind::run: return run(reference);
    }
    return unknown(reference);
  }

 private:
  static Error unknown(const Reference& reference) {
    return {ErrorCode::evaluation, fmt::format("{} does not exist", reference.text()), "", {}, false};
  }

  Result<Value> parameter(const Reference& reference) const {
    TRY_ASSIGN(const json::object* all, values_.parameters(machine_, frame_));
    const json::value* found = all->if_contains(reference.name);
    if (found == nullptr) return unknown(reference);
    return Value::borrow(*found);
  }

  Result<Value> input(const Reference& reference) const {
    if (!knows_inputs_) return unknown(reference);
    TRY_ASSIGN(const json::object* all, inputs());
    const json::value* found = all->if_contains(reference.name);
    if (found == nullptr) return unknown(reference);
    return Value::borrow(*found);
  }

  Result<InstanceId> sibling(const Reference& reference) const {
    const PlanPipeline& plan = machine_.pipeline_of(frame_);
    const auto found = plan.by_name.find(reference.step);
    if (found == plan.by_name.end()) return unknown(reference);
    return machine_.instance_of(frame_, found->second);
  }

  Result<Value> step_output(const Reference& reference) const {
    TRY_ASSIGN(const InstanceId other, sibling(reference));
    const RunMachine::View view = machine_.view(other);
    if (view.state != StepState::succeeded) return expression::not_available(reference);
    if (view.kind == InstanceKind::foreach) return Value::borrow(values_.gathered(machine_, other, reference.name));
    return output_of(machine_.result(other).get(), reference);
  }

  static Result<Value> output_of(const StepResult* result, const Reference& reference) {
    const json::value* record = result != nullptr ? result->outputs.if_contains(reference.name) : nullptr;
    if (record == nullptr) return expression::not_available(reference);
    if (const json::value* value = record->as_object().if_contains("value")) return Value::borrow(*value);
    return Value(binding_of_record(*record));
  }

  Result<Value> item() const {
    // The item of an iteration belongs to the repeat around it.
    const RunMachine::View view = machine_.view(instance_);
    const InstanceId holder = view.iteration >= 0 ? view.parent : instance_;
    const InstanceId group = machine_.view(holder).parent;
    if (view.item < 0 || group == kNoInstance) {
      return Error{ErrorCode::evaluation, "item is only known inside a foreach", "", {}, false};
    }
    TRY_ASSIGN(const json::array* all, values_.items(machine_, group));
    if (static_cast<std::size_t>(view.item) >= all->size())
      return Error{ErrorCode::evaluation, "the foreach has become shorter", "", {}, false};
    return Value::borrow((*all)[static_cast<std::size_t>(view.item)]);
  }

  Result<Value> run(const Reference& reference) const {
    const RunRow& row = machine_.run();
    if (reference.name == "id") return Value(json::value(row.run.str()));
    if (reference.name == "pipeline") return Value(json::value(row.pipeline.str()));
    if (reference.name == "attempt") return Value(json::value(row.resumes + 1));
    if (reference.name == "state") return Value(json::value(run_state_name(machine_.outcome(frame_))));
    return unknown(reference);
  }

  RunValues& values_;
  const RunMachine& machine_;
  FrameId frame_;
  InstanceId instance_;
  const StepResult* outputs_ = nullptr;
  bool knows_inputs_ = false;
  mutable std::optional<json::object> inputs_;
};

RunValues::RunValues(std::shared_ptr<const RunPlan> plan, json::object parameters) : plan_(std::move(plan)) {
  parameters_.emplace(kMainFrame, std::move(parameters));
}
RunValues::~RunValues() = default;

Result<std::shared_ptr<const StepTemplates>> RunValues::templates(const RunMachine& machine, FrameId frame,
                                                                  std::uint32_t step) {
  const Step* definition = machine.pipeline_of(frame).steps[step].step;
  if (const auto known = templates_.find(definition); known != templates_.end()) return known->second;
  if (templates_.size() >= kMaximumKeptTemplates) templates_.clear();
  TRY_ASSIGN(StepTemplates parsed, StepTemplates::parse(*definition));
  return templates_.emplace(definition, std::make_shared<const StepTemplates>(std::move(parsed))).first->second;
}

// Of a sub-pipeline: the inputs of its step over the declared defaults.
Result<const json::object*> RunValues::parameters(const RunMachine& machine, FrameId frame) {
  if (const auto known = parameters_.find(frame); known != parameters_.end()) return &known->second;
  TRY_ASSIGN(json::object given, inputs(machine, machine.owner_of(frame)));
  TRY_ASSIGN(json::object all, bind(*machine.pipeline_of(frame).pipeline, std::move(given)));
  return &parameters_.emplace(frame, std::move(all)).first->second;
}

Result<const json::array*> RunValues::items(const RunMachine& machine, InstanceId group) {
  if (const auto known = items_.find(group); known != items_.end()) return &known->second;
  const RunMachine::View view = machine.view(group);
  TRY_ASSIGN(const std::shared_ptr<const StepTemplates> parsed, templates(machine, view.frame, view.index));
  TRY_ASSIGN(json::array all, parsed->items(InstanceScope(*this, machine, view.frame, group)));
  return &items_.emplace(group, std::move(all)).first->second;
}

// The list of one output of all items that have it, in order.
const json::value& RunValues::gathered(const RunMachine& machine, InstanceId group, const std::string& output) {
  auto& known = gathered_[group];
  if (const auto found = known.find(output); found != known.end()) return found->second;
  json::array list;
  for (const InstanceId item : machine.children(group)) {
    const StepResultPtr& result = machine.result(item);
    if (machine.view(item).state != StepState::succeeded || result == nullptr) continue;
    if (const json::value* record = result->outputs.if_contains(output)) list.push_back(binding_of_record(*record));
  }
  return known.emplace(output, std::move(list)).first->second;
}

// Those of the document; from the second iteration on, what is carried over goes before them.
Result<json::object> RunValues::inputs(const RunMachine& machine, InstanceId instance) {
  const RunMachine::View view = machine.view(instance);
  InstanceScope scope(*this, machine, view.frame, instance);
  TRY_ASSIGN(const std::shared_ptr<const StepTemplates> parsed, templates(machine, view.frame, view.index));
  TRY_ASSIGN(json::object all, parsed->inputs(scope));
  if (view.iteration > 1) {
    const InstanceId before = machine.children(view.parent)[static_cast<std::size_t>(view.iteration) - 2];
    scope.set_iteration_outputs(machine.result(before).get());
    TRY_ASSIGN(json::object carried, parsed->carry(scope));
    for (auto& [name, value] : carried)
      all[name] = std::move(value);
  }
  return all;
}

Result<Input> RunValues::try_evaluate(const RunMachine& machine, InstanceId instance) {
  const RunMachine::View view = machine.view(instance);
  InstanceScope scope(*this, machine, view.frame, instance);
  TRY_ASSIGN(const std::shared_ptr<const StepTemplates> parsed, templates(machine, view.frame, view.index));
  if (view.own) {
    TRY_ASSIGN(const bool wanted, parsed->condition(scope));
    if (!wanted) return Input(input::ConditionFalse{instance});
  }
  switch (view.kind) {
    case InstanceKind::foreach: {
      TRY_ASSIGN(const json::array* all, items(machine, instance));
      return Input(input::Expanded{instance, static_cast<std::int64_t>(all->size())});
    }
    case InstanceKind::repeat: break;
    case InstanceKind::pipeline: {
      // Bound again when the frame asks for its parameters; here to find what is wrong on the step that gives them.
      TRY_ASSIGN(json::object given, inputs(machine, instance));
      const std::int32_t number = machine.pipeline_of(view.frame).steps[view.index].pipeline;
      TRY(bind(*plan_->pipelines[static_cast<std::size_t>(number)].pipeline, std::move(given)));
      break;
    }
    case InstanceKind::leaf: {
      ResolvedStep resolved;
      TRY_ASSIGN(json::object * given, scope.inputs());
      scope.know_inputs();
      // Not owned: the plan outlives whatever looks at it, through the document that the aliased pointer keeps.
      TRY_ASSIGN(resolved.step, parsed->body(std::shared_ptr<const Step>(plan_, view.step), scope));
      resolved.inputs = std::move(*given);
      resolved_.insert_or_assign(instance, std::move(resolved));
      break;
    }
  }
  return Input(input::Evaluated{instance});
}

Input RunValues::evaluate(const RunMachine& machine, InstanceId instance) {
  auto answer = try_evaluate(machine, instance);
  if (answer) return std::move(*answer);
  if (answer.error().code == ErrorCode::not_available) return input::Unavailable{instance, answer.error().message};
  return input::EvaluationFailed{instance, evaluation_error(answer.error())};
}

Input RunValues::decide_repeat(const RunMachine& machine, InstanceId iteration) {
  const RunMachine::View view = machine.view(iteration);
  InstanceScope scope(*this, machine, view.frame, iteration);
  scope.set_iteration_outputs(machine.result(iteration).get());
  scope.know_inputs();
  auto parsed = templates(machine, view.frame, view.index);
  auto done = parsed ? (*parsed)->until(scope) : Result<bool>(parsed.error());
  if (!done) return input::RepeatDecided{iteration, false, evaluation_error(done.error())};
  return input::RepeatDecided{iteration, *done, nullptr};
}

Input RunValues::evaluate_outputs(const RunMachine& machine, FrameId frame) {
  const InstanceScope scope(*this, machine, frame, machine.owner_of(frame));
  auto result = std::make_shared<StepResult>();
  for (const auto& [name, written] : machine.pipeline_of(frame).pipeline->outputs) {
    auto compiled = expression::CompiledValue::parse(written);
    auto value = compiled ? compiled->evaluate(scope) : Result<json::value>(compiled.error());
    if (value) {
      result->outputs[name] = record_of_binding(std::move(*value));
    } else if (value.error().code != ErrorCode::not_available) {
      const Error error = std::move(value).error().with_context(fmt::format("output {}", std::string_view(name)));
      return input::OutputsEvaluated{frame, false, evaluation_error(error)};
    }
    // An output of what was skipped is left out.
  }
  return input::OutputsEvaluated{frame, true, std::move(result)};
}

const ResolvedStep* RunValues::resolved(InstanceId instance) const {
  const auto found = resolved_.find(instance);
  return found == resolved_.end() ? nullptr : &found->second;
}

void RunValues::release(const RunMachine& machine, InstanceId instance) {
  resolved_.erase(instance);
  items_.erase(instance);
  if (const FrameId inner = machine.view(instance).inner; inner != kNoFrame) parameters_.erase(inner);
}

}  // namespace stoker::pipeline
