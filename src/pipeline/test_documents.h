// For tests: documents from JSON without a schema, so that a test of the run machine depends on nothing but the
// machine. A step without a body is a command.
#pragma once

#include <memory>
#include <string>

#include "codec/duration.h"
#include "codec/json.h"
#include "pipeline/document.h"

namespace stoker::pipeline::testing {

inline Duration duration_of(const json::value& value) {
  return *codec::parse_duration(std::string_view(value.as_string()));
}

inline RetryPolicy retry_of(const json::value& value) {
  RetryPolicy policy;
  if (value.is_int64()) {
    policy.attempts = static_cast<int>(value.get_int64());
    return policy;
  }
  const json::object& object = value.as_object();
  if (const auto* attempts = object.if_contains("attempts")) policy.attempts = static_cast<int>(attempts->as_int64());
  if (const auto* backoff = object.if_contains("backoff")) policy.backoff = duration_of(*backoff);
  if (const auto* maximum = object.if_contains("maximumBackoff")) policy.maximum_backoff = duration_of(*maximum);
  if (const auto* on = object.if_contains("on")) {
    for (const auto& [name, count] : on->as_object())
      policy.by_class[*parse_failure_class(name)] = static_cast<int>(count.as_int64());
  }
  return policy;
}

inline Foreach foreach_of(const json::value& value) {
  Foreach result;
  const json::object* object = value.if_object();
  if (object == nullptr) {
    result.items = value;
    return result;
  }
  result.items = object->at("items");
  if (const auto* parallelism = object->if_contains("parallelism"))
    result.parallelism = static_cast<int>(parallelism->as_int64());
  return result;
}

inline Step step_of(const json::object& object) {
  Step step;
  step.name = StepName(std::string(object.at("name").as_string()));
  CommandStep command;
  command.run = {"true"};
  if (const auto* run = object.if_contains("command")) {
    command.run.clear();
    for (const auto& word : run->as_array())
      command.run.emplace_back(word.as_string());
  }
  step.body = command;
  if (const auto* function = object.if_contains("python"))
    step.body = PythonStep{.module = "pipeline", .file = "pipeline.py", .function = std::string(function->as_string())};
  if (const auto* pipeline = object.if_contains("pipeline"))
    step.body = PipelineStep{std::string(pipeline->as_string())};
  if (const auto* inputs = object.if_contains("inputs")) step.inputs = inputs->as_object();
  if (const auto* needs = object.if_contains("needs")) {
    for (const auto& name : needs->as_array())
      step.needs.emplace_back(std::string(name.as_string()));
  }
  if (const auto* when = object.if_contains("when")) step.when = std::string(when->as_string());
  if (const auto* each = object.if_contains("foreach")) step.foreach = foreach_of(*each);
  if (const auto* repeat = object.if_contains("repeat")) {
    const json::object& fields = repeat->as_object();
    step.repeat =
        Repeat{std::string(fields.at("until").as_string()), static_cast<int>(fields.at("atMost").as_int64()), {}};
    if (const auto* carry = fields.if_contains("carry")) step.repeat->carry = carry->as_object();
  }
  if (const auto* retry = object.if_contains("retry")) step.retry = retry_of(*retry);
  if (const auto* timeout = object.if_contains("timeout")) step.timeout = duration_of(*timeout);
  if (const auto* cache = object.if_contains("cache")) step.cache.enabled = cache->as_bool();
  if (const auto* goes_on = object.if_contains("continueOnFailure")) step.continue_on_failure = goes_on->as_bool();
  return step;
}

inline Pipeline pipeline_of(const json::object& object, const std::string& name) {
  Pipeline pipeline;
  pipeline.name = PipelineName(name);
  if (const auto* parameters = object.if_contains("parameters")) {
    for (const auto& [key, value] : parameters->as_object()) {
      Parameter parameter;
      parameter.name = key;
      const auto* type = value.as_object().if_contains("type");
      parameter.type = type == nullptr ? ParameterType::any : parse_parameter_type(type->as_string()).value();
      if (const auto* fallback = value.as_object().if_contains("default")) parameter.default_value = *fallback;
      parameter.required = !parameter.default_value;
      pipeline.parameters.push_back(std::move(parameter));
    }
  }
  if (const auto* steps = object.if_contains("steps")) {
    for (const auto& step : steps->as_array())
      pipeline.steps.push_back(step_of(step.as_object()));
  }
  if (const auto* finally = object.if_contains("finally")) {
    for (const auto& step : finally->as_array())
      pipeline.finally.push_back(step_of(step.as_object()));
  }
  if (const auto* outputs = object.if_contains("outputs")) pipeline.outputs = outputs->as_object();
  if (const auto* parallelism = object.if_contains("parallelism"))
    pipeline.parallelism = static_cast<int>(parallelism->as_int64());
  if (const auto* timeout = object.if_contains("timeout")) pipeline.timeout = duration_of(*timeout);
  return pipeline;
}

inline std::shared_ptr<const Document> document_of(const json::object& object) {
  auto document = std::make_shared<Document>();
  document->main = pipeline_of(object, "main");
  if (const auto* pipelines = object.if_contains("pipelines")) {
    for (const auto& [name, pipeline] : pipelines->as_object()) {
      document->pipelines[std::string(name)] = pipeline_of(pipeline.as_object(), std::string(name));
    }
  }
  document->digest = "test";
  return document;
}

}  // namespace stoker::pipeline::testing
