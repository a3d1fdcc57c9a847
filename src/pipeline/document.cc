#include "pipeline/document.h"

#include <array>
#include <utility>

#include "base/enum_name.h"

namespace stoker::pipeline {

namespace {

constexpr std::array<std::string_view, kFailureClassCount> kFailureClassNames = {
    "userCode",   "outOfMemory", "nodeLost",  "image",         "unschedulable",
    "submission", "timeout",     "cancelled", "infrastructure"};

constexpr std::array<std::string_view, kParameterTypeCount> kParameterTypeNames = {
    "string", "integer", "number", "boolean", "list", "map", "enum", "file", "directory", "table", "secret", "any"};

}  // namespace

std::string_view failure_class_name(FailureClass failure_class) {
  return enum_name(kFailureClassNames, failure_class);
}

std::optional<FailureClass> parse_failure_class(std::string_view name) {
  return find_enum<FailureClass>(kFailureClassNames, name);
}

std::string_view parameter_type_name(ParameterType type) {
  return enum_name(kParameterTypeNames, type);
}

std::optional<ParameterType> parse_parameter_type(std::string_view name) {
  return find_enum<ParameterType>(kParameterTypeNames, name);
}

std::string_view step_kind_name(const Step& step) {
  static constexpr std::array<std::string_view, std::variant_size_v<decltype(Step::body)>> kNames = {
      "python", "command", "spark", "wait", "resource", "pipeline"};
  return kNames.at(step.body.index());
}

}  // namespace stoker::pipeline
