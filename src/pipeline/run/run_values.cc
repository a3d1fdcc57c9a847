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

// A record whose artifact has types that its value lacks.
bool is_typed(const json::value& record) {
  return record.as_object().contains("typed");
}

json::value artifact_binding(const json::value& record) {
  return json::object{{"$artifact", record.as_object().at("artifact")}};
}

const json::value* artifact_of(const json::value& binding) {
  const json::object* object = binding.if_object();
  return object != nullptr && object->size() == 1 ? object->if_contains("$artifact") : nullptr;
}

// The inputs of a sub-pipeline's step as its parameters.
Result<json::object> bind(const Pipeline& pipeline, json::object given) {
  return bind_parameters(pipeline.parameters, pipeline.directory,
                         GivenParameters{.values = std::move(given), .values_are_bindings = true});
}

}  // namespace

json::value binding_of_record(const json::value& record) {
  if (const json::value* value = record.as_object().if_contains("value")) return *value;
  return artifact_binding(record);
}

json::object record_of_binding(json::value binding) {
  if (const json::value* artifact = artifact_of(binding)) return {{"artifact", *artifact}};
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
  Result<Bound<json::object>*> inputs() const {
    if (!inputs_) {
      TRY_ASSIGN(inputs_, values_.inputs(machine_, instance_));
    }
    return &*inputs_;
  }

  // In both forms what `evaluate` makes of this scope; it is called again only where a name has a second one.
  template <class Evaluate>
  auto in_both_forms(const Evaluate& evaluate) -> Result<Bound<std::decay_t<decltype(*evaluate(*this))>>> {
    met_typed_ = false;
    TRY_ASSIGN(auto plain, evaluate(*this));
    Bound<decltype(plain)> bound{std::move(plain), std::nullopt};
    if (!met_typed_) return bound;
    hands_on_typed_ = true;
    auto typed = evaluate(*this);
    hands_on_typed_ = false;
    // What is no list any more, say, is taken as expressions see it.
    if (typed) bound.typed = std::move(*typed);
    return bound;
  }

  // Whose outputs `outputs.x` means, in until and carry.
  void set_iteration_outputs(const StepResult* result) { outputs_ = result; }

  Result<Value> lookup(const Reference& reference) const override { return found(reference, false); }
  Result<Value> hand_on(const Reference& reference) const override { return found(reference, hands_on_typed_); }

 private:
  Result<Value> found(const Reference& reference, bool typed) const {
    switch (reference.kind) {
      case ReferenceKind::parameter: return parameter(reference, typed);
      case ReferenceKind::step_output: return step_output(reference, typed);
      case ReferenceKind::step_state: {
        const auto other = sibling(reference);
        if (!other) return other.error();
        return Value(json::value(step_state_name(machine_.view(*other).state)));
      }
      case ReferenceKind::item: return item(typed);
      case ReferenceKind::index: return Value(json::value(machine_.view(instance_).item));
      case ReferenceKind::iteration: return Value(json::value(machine_.view(instance_).iteration));
      case ReferenceKind::output: return output_of(outputs_, reference, typed);
      case ReferenceKind::input: return input(reference);
      case ReferenceKind::run: return run(reference);
    }
    return unknown(reference);
  }

  static Error unknown(const Reference& reference) {
    return {ErrorCode::evaluation, fmt::format("{} does not exist", reference.text()), "", {}, false};
  }

  template <class T>
  const T& form_of(const Bound<T>& bound, bool typed) const {
    met_typed_ = met_typed_ || bound.typed.has_value();
    return typed ? bound.fullest() : bound.plain;
  }

  Result<Value> parameter(const Reference& reference, bool typed) const {
    TRY_ASSIGN(const Bound<json::object>* all, values_.parameters(machine_, frame_));
    const json::value* found = form_of(*all, typed).if_contains(reference.name);
    if (found == nullptr) return unknown(reference);
    return Value::borrow(*found);
  }

  Result<Value> input(const Reference& reference) const {
    if (!knows_inputs_) return unknown(reference);
    TRY_ASSIGN(const Bound<json::object>* all, inputs());
    const json::value* found = all->plain.if_contains(reference.name);
    if (found == nullptr) return unknown(reference);
    return Value::borrow(*found);
  }

  Result<InstanceId> sibling(const Reference& reference) const {
    const PlanPipeline& plan = machine_.pipeline_of(frame_);
    const auto found = plan.by_name.find(reference.step);
    if (found == plan.by_name.end()) return unknown(reference);
    return machine_.instance_of(frame_, found->second);
  }

  Result<Value> step_output(const Reference& reference, bool typed) const {
    TRY_ASSIGN(const InstanceId other, sibling(reference));
    const RunMachine::View view = machine_.view(other);
    if (view.state != StepState::succeeded) return expression::not_available(reference);
    if (view.kind == InstanceKind::foreach)
      return Value::borrow(form_of(values_.gathered(machine_, other, reference.name), typed));
    return output_of(machine_.result(other).get(), reference, typed);
  }

  Result<Value> output_of(const StepResult* result, const Reference& reference, bool typed) const {
    const json::value* record = result != nullptr ? result->outputs.if_contains(reference.name) : nullptr;
    if (record == nullptr) return expression::not_available(reference);
    if (is_typed(*record)) {
      met_typed_ = true;
      if (typed) return Value(artifact_binding(*record));
    }
    if (const json::value* value = record->as_object().if_contains("value")) return Value::borrow(*value);
    return Value(binding_of_record(*record));
  }

  Result<Value> item(bool typed) const {
    // The item of an iteration belongs to the repeat around it.
    const RunMachine::View view = machine_.view(instance_);
    const InstanceId holder = view.iteration >= 0 ? view.parent : instance_;
    const InstanceId group = machine_.view(holder).parent;
    if (view.item < 0 || group == kNoInstance) {
      return Error{ErrorCode::evaluation, "item is only known inside a foreach", "", {}, false};
    }
    TRY_ASSIGN(const Bound<json::array>* bound, values_.items(machine_, group));
    const json::array& all = form_of(*bound, typed);
    if (static_cast<std::size_t>(view.item) >= all.size())
      return Error{ErrorCode::evaluation, "the foreach has become shorter", "", {}, false};
    return Value::borrow(all[static_cast<std::size_t>(view.item)]);
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
  bool hands_on_typed_ = false;
  mutable bool met_typed_ = false;  // a name was looked up that has a second form
  mutable std::optional<Bound<json::object>> inputs_;
};

RunValues::RunValues(std::shared_ptr<const RunPlan> plan, json::object parameters) : plan_(std::move(plan)) {
  parameters_.emplace(kMainFrame, Bound<json::object>{std::move(parameters), std::nullopt});
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
Result<const Bound<json::object>*> RunValues::parameters(const RunMachine& machine, FrameId frame) {
  if (const auto known = parameters_.find(frame); known != parameters_.end()) return &known->second;
  TRY_ASSIGN(Bound<json::object> given, inputs(machine, machine.owner_of(frame)));
  Bound<json::object> all;
  TRY_ASSIGN(all.plain, bind(*machine.pipeline_of(frame).pipeline, std::move(given.plain)));
  if (given.typed) {
    all.typed = all.plain;
    // The plain form was checked. A declared number or text is what the declaration made of it; of what may hold
    // classes, the step's own annotation decides.
    for (const Parameter& parameter : machine.pipeline_of(frame).pipeline->parameters) {
      const bool open = parameter.type == ParameterType::any || parameter.type == ParameterType::enumeration ||
                        parameter.type == ParameterType::list || parameter.type == ParameterType::map;
      json::value* value = open ? given.typed->if_contains(parameter.name) : nullptr;
      if (value != nullptr) (*all.typed)[parameter.name] = std::move(*value);
    }
  }
  return &parameters_.emplace(frame, std::move(all)).first->second;
}

Result<const Bound<json::array>*> RunValues::items(const RunMachine& machine, InstanceId group) {
  if (const auto known = items_.find(group); known != items_.end()) return &known->second;
  const RunMachine::View view = machine.view(group);
  TRY_ASSIGN(const std::shared_ptr<const StepTemplates> parsed, templates(machine, view.frame, view.index));
  InstanceScope scope(*this, machine, view.frame, group);
  TRY_ASSIGN(Bound<json::array> all, scope.in_both_forms([&](const InstanceScope& in) { return parsed->items(in); }));
  if (all.typed && all.typed->size() != all.plain.size()) all.typed.reset();
  return &items_.emplace(group, std::move(all)).first->second;
}

// The list of one output of all items that have it, in order.
const Bound<json::value>& RunValues::gathered(const RunMachine& machine, InstanceId group, const std::string& output) {
  auto& known = gathered_[group];
  if (const auto found = known.find(output); found != known.end()) return found->second;
  json::array plain;
  json::array typed;
  bool any_typed = false;
  for (const InstanceId item : machine.children(group)) {
    const StepResultPtr& result = machine.result(item);
    if (machine.view(item).state != StepState::succeeded || result == nullptr) continue;
    const json::value* record = result->outputs.if_contains(output);
    if (record == nullptr) continue;
    any_typed = any_typed || is_typed(*record);
    plain.push_back(binding_of_record(*record));
    typed.push_back(is_typed(*record) ? artifact_binding(*record) : plain.back());
  }
  Bound<json::value> list{std::move(plain), std::nullopt};
  if (any_typed) list.typed = std::move(typed);
  return known.emplace(output, std::move(list)).first->second;
}

// Those of the document; from the second iteration on, what is carried over goes before them.
Result<Bound<json::object>> RunValues::inputs(const RunMachine& machine, InstanceId instance) {
  const RunMachine::View view = machine.view(instance);
  InstanceScope scope(*this, machine, view.frame, instance);
  TRY_ASSIGN(const std::shared_ptr<const StepTemplates> parsed, templates(machine, view.frame, view.index));
  if (view.iteration > 1) {
    const InstanceId before = machine.children(view.parent)[static_cast<std::size_t>(view.iteration) - 2];
    scope.set_iteration_outputs(machine.result(before).get());
  }
  return scope.in_both_forms([&](const InstanceScope& in) -> Result<json::object> {
    TRY_ASSIGN(json::object all, parsed->inputs(in));
    if (view.iteration > 1) {
      TRY_ASSIGN(json::object carried, parsed->carry(in));
      for (auto& [name, value] : carried)
        all[name] = std::move(value);
    }
    return all;
  });
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
      TRY_ASSIGN(const Bound<json::array>* all, items(machine, instance));
      return Input(input::Expanded{instance, static_cast<std::int64_t>(all->plain.size())});
    }
    case InstanceKind::repeat: break;
    case InstanceKind::pipeline: {
      // Bound again when the frame asks for its parameters; here to find what is wrong on the step that gives them.
      TRY_ASSIGN(Bound<json::object> given, inputs(machine, instance));
      const std::int32_t number = machine.pipeline_of(view.frame).steps[view.index].pipeline;
      TRY(bind(*plan_->pipelines[static_cast<std::size_t>(number)].pipeline, std::move(given.plain)));
      break;
    }
    case InstanceKind::leaf: {
      ResolvedStep resolved;
      TRY_ASSIGN(Bound<json::object> * given, scope.inputs());
      scope.know_inputs();
      // Not owned: the plan outlives whatever looks at it, through the document that the aliased pointer keeps.
      TRY_ASSIGN(resolved.step, parsed->body(std::shared_ptr<const Step>(plan_, view.step), scope));
      const bool typed = given->typed && std::holds_alternative<PythonStep>(view.step->body);
      resolved.inputs = std::move(typed ? *given->typed : given->plain);
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
  InstanceScope scope(*this, machine, frame, machine.owner_of(frame));
  auto result = std::make_shared<StepResult>();
  for (const auto& [name, written] : machine.pipeline_of(frame).pipeline->outputs) {
    auto compiled = expression::CompiledValue::parse(written);
    auto value = compiled ? scope.in_both_forms([&](const InstanceScope& in) { return compiled->evaluate(in); })
                          : Result<Bound<json::value>>(compiled.error());
    if (value) {
      json::object record = record_of_binding(std::move(value->plain));
      const json::value* artifact = value->typed ? artifact_of(*value->typed) : nullptr;
      if (artifact != nullptr && record.contains("value")) {
        record["artifact"] = *artifact;
        record["typed"] = true;
      }
      result->outputs[name] = std::move(record);
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
