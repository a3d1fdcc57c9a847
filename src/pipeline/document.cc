#include "pipeline/document.h"

#include <array>
#include <utility>

namespace stoker::pipeline {

namespace {

constexpr std::array<std::string_view, kFailureClassCount> kFailureClassNames = {
    "userCode",   "outOfMemory", "nodeLost",  "image",         "unschedulable",
    "submission", "timeout",     "cancelled", "infrastructure"};

constexpr std::array<std::string_view, kParameterTypeCount> kParameterTypeNames = {
    "string", "integer", "number", "boolean", "list", "map", "enum", "file", "directory", "table", "secret", "any"};

template <class Enum, std::size_t count>
std::optional<Enum> find_name(const std::array<std::string_view, count>& names, std::string_view name) {
  for (std::size_t i = 0; i < count; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view failure_class_name(FailureClass failure_class) {
  return kFailureClassNames.at(static_cast<std::size_t>(failure_class));
}

std::optional<FailureClass> parse_failure_class(std::string_view name) {
  return find_name<FailureClass>(kFailureClassNames, name);
}

std::string_view parameter_type_name(ParameterType type) {
  return kParameterTypeNames.at(static_cast<std::size_t>(type));
}

std::optional<ParameterType> parse_parameter_type(std::string_view name) {
  return find_name<ParameterType>(kParameterTypeNames, name);
}

std::string_view step_kind_name(const Step& step) {
  static constexpr std::array<std::string_view, std::variant_size_v<decltype(Step::body)>> kNames = {
      "python", "command", "spark", "wait", "resource", "pipeline"};
  return kNames.at(step.body.index());
}

}  // namespace stoker::pipeline
