#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "expression/regex/regex.h"
#include "pipeline/parameters.h"
#include "pipeline/schema.h"

namespace stoker::pipeline {

namespace {

struct BoundRule {
  std::string_view name;
  std::initializer_list<ParameterType> types;
};
using enum ParameterType;
const BoundRule kBounds[] = {{"minimum", {integer, number}}, {"maximum", {integer, number}}, {"minLength", {string}},
                             {"maxLength", {string}},        {"pattern", {string}},          {"minItems", {list, map}},
                             {"maxItems", {list, map}},      {"values", {enumeration}}};

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// A binding of one member: {"$file": …}.
bool is_binding(const json::value& value, std::string_view key) {
  const auto* object = value.if_object();
  return object != nullptr && object->size() == 1 && object->begin()->key() == key;
}

// `NAME`, `NAME@VERSION`, or a map of both.
bool is_table(const json::value& value) {
  if (const auto* text = value.if_string()) return !text->empty() && text->front() != '@' && text->back() != '@';
  const auto* fields = value.if_object();
  if (fields == nullptr) return false;
  const auto* name = fields->if_contains("name");
  const auto* version = fields->if_contains("version");
  const bool versioned = version == nullptr || version->is_null() || version->is_string() || version->is_int64();
  return name != nullptr && name->is_string() && !name->get_string().empty() && versioned &&
         fields->size() == (version == nullptr ? 1U : 2U);
}

std::string_view type_words(ParameterType type) {
  switch (type) {
    case string: return "a text";
    case integer: return "an integer";
    case number: return "a number";
    case boolean: return "true or false";
    case list: return "a list";
    case map: return "a map";
    case enumeration: return "one of its values";
    case file: return "the path of a file";
    case directory: return "the path of a folder";
    case table: return "the name of a table";
    case secret: return "a reference to a secret";
    case any: return "a value";
  }
  return "a value";
}

bool has_type(ParameterType type, const json::value& value) {
  switch (type) {
    case string: return value.is_string();
    case integer: return value.is_int64();
    case number: return value.is_number();
    case boolean: return value.is_bool();
    case list: return value.is_array();
    case map: return value.is_object();
    case file:
    case directory:
      return (value.is_string() && !value.get_string().empty()) || is_binding(value, "$file") ||
             is_binding(value, "$artifact");
    case table:
      return is_table(value) || (is_binding(value, "$table") && is_table(value.get_object().begin()->value()));
    case secret: return value.is_string() || is_binding(value, "$secret");
    case enumeration:
    case any: return true;
  }
  return false;
}

std::optional<double> bound_of(const Parameter& parameter, std::string_view name) {
  const auto* bound = parameter.bounds.if_contains(name);
  if (bound == nullptr || !bound->is_number()) return std::nullopt;
  return bound->to_number<double>();
}

ParameterProblem check_range(const Parameter& parameter, double amount, std::string_view minimum,
                             std::string_view maximum, std::string_view what) {
  const auto shown = [&](std::string_view name) { return codec::canonical_json(parameter.bounds.at(name)); };
  if (const auto bound = bound_of(parameter, minimum); bound && amount < *bound) {
    return {.message = fmt::format("must {}at least {}{}", what.empty() ? "be " : "have ", shown(minimum), what)};
  }
  if (const auto bound = bound_of(parameter, maximum); bound && amount > *bound) {
    return {.message = fmt::format("must {}at most {}{}", what.empty() ? "be " : "have ", shown(maximum), what)};
  }
  return {};
}

ParameterProblem check_text(const Parameter& parameter, std::string_view text) {
  if (auto problem =
          check_range(parameter, static_cast<double>(characters(text)), "minLength", "maxLength", " characters"))
    return problem;
  const auto* pattern = parameter.bounds.if_contains("pattern");
  if (pattern == nullptr || !pattern->is_string()) return {};
  const auto regex = expression::Regex::compile(pattern->get_string());
  if (regex.ok() && !regex->found_in(text)) {
    return {.message = fmt::format("must match the pattern {}", std::string_view(pattern->get_string()))};
  }
  return {};
}

ParameterProblem check_enumeration(const Parameter& parameter, const json::value& value) {
  const auto* values = parameter.bounds.if_contains("values");
  if (values == nullptr || !values->is_array()) return {};
  const auto& allowed = values->get_array();
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return {};
  std::vector<std::string> names;
  for (const auto& one : allowed)
    names.push_back(one.is_string() ? std::string(one.get_string()) : codec::canonical_json(one));
  const auto text = value.is_string() ? std::string(value.get_string()) : codec::canonical_json(value);
  return {.message = fmt::format("must be one of {}, not {}", join(names, ", "), describe_value(value)),
          .hint = did_you_mean(text, names)};
}

// A secret is named, never given: env:NAME, file:PATH or a name.
ParameterProblem check_secret(std::string_view text) {
  if (text.starts_with("env:") && format_problem("stoker-environment-name", text.substr(4)).empty()) return {};
  if (text.starts_with("file:") && text.size() > 5) return {};
  if (format_problem("stoker-name", text).empty()) return {};
  return {.message = "must be a reference to a secret, not the secret itself",
          .hint = "write env:NAME, file:PATH or the name of a secret"};
}

}  // namespace

ParameterProblem check_parameter(const Parameter& parameter, const json::value& given) {
  const auto& value = is_binding(given, "$value") ? given.get_object().begin()->value() : given;
  if (value.is_null()) {
    if (!parameter.required || parameter.type == any) return {};
    return {.message = fmt::format("must be {}, not null", type_words(parameter.type))};
  }
  if (!has_type(parameter.type, value)) {
    const auto shown = parameter.type == secret ? "another value" : describe_value(value);
    return {.message = fmt::format("must be {}, not {}", type_words(parameter.type), shown)};
  }
  switch (parameter.type) {
    case string: return check_text(parameter, value.get_string());
    case integer:
    case number: return check_range(parameter, value.to_number<double>(), "minimum", "maximum", "");
    case list:
      return check_range(parameter, static_cast<double>(value.get_array().size()), "minItems", "maxItems", " items");
    case map:
      return check_range(parameter, static_cast<double>(value.get_object().size()), "minItems", "maxItems", " items");
    case enumeration: return check_enumeration(parameter, value);
    case secret: return value.is_string() ? check_secret(value.get_string()) : ParameterProblem{};
    case boolean:
    case file:
    case directory:
    case table:
    case any: return {};
  }
  return {};
}

namespace {

void check_bounds(const Parameter& parameter, std::vector<DeclarationProblem>& problems) {
  for (const auto& bound : kBounds) {
    if (!parameter.bounds.contains(bound.name)) continue;
    if (std::find(bound.types.begin(), bound.types.end(), parameter.type) != bound.types.end()) continue;
    std::vector<std::string> types;
    for (const auto type : bound.types)
      types.emplace_back(parameter_type_name(type));
    problems.push_back(
        {std::string(bound.name),
         fmt::format("{} has no meaning for a parameter of type {}", bound.name, parameter_type_name(parameter.type)),
         fmt::format("it bounds: {}", join(types, ", "))});
  }
  constexpr std::pair<std::string_view, std::string_view> kPairs[] = {
      {"minimum", "maximum"}, {"minLength", "maxLength"}, {"minItems", "maxItems"}};
  for (const auto& [low, high] : kPairs) {
    const auto least = bound_of(parameter, low), most = bound_of(parameter, high);
    if (least && most && *least > *most)
      problems.push_back({std::string(low), fmt::format("{} is above {}: no value fits", low, high), ""});
  }
  if (const auto* pattern = parameter.bounds.if_contains("pattern"); pattern != nullptr && pattern->is_string()) {
    if (const auto regex = expression::Regex::compile(pattern->get_string()); !regex.ok()) {
      problems.push_back({"pattern", fmt::format("pattern: {}", regex.error().describe()), regex.error().hint});
    }
  }
}

void check_values(const Parameter& parameter, std::vector<DeclarationProblem>& problems) {
  const auto* values = parameter.bounds.if_contains("values");
  if (parameter.type == enumeration && values == nullptr) {
    problems.push_back({"type", "an enum needs its values", "write values: [one, two]"});
  }
  if (values == nullptr || !values->is_array()) return;
  std::set<std::string> texts;
  for (const auto& value : values->get_array()) {
    // Equal as --set would write them: "1" and 1 could not be told apart.
    const auto text = value.is_string() ? std::string(value.get_string()) : codec::canonical_json(value);
    if (!texts.insert(text).second)
      problems.push_back({"values", fmt::format("the value {} is there twice", text), ""});
  }
}

}  // namespace

std::vector<DeclarationProblem> check_declaration(const Parameter& parameter) {
  std::vector<DeclarationProblem> problems;
  check_bounds(parameter, problems);
  check_values(parameter, problems);
  if (!parameter.default_value) return problems;
  if (parameter.required) {
    problems.push_back({"required", "a parameter with a default is never required", "remove required, or the default"});
  }
  if (problems.empty()) {
    if (auto problem = check_parameter(parameter, *parameter.default_value)) {
      problems.push_back({"default", "default " + problem.message, problem.hint});
    }
  }
  return problems;
}

}  // namespace stoker::pipeline
