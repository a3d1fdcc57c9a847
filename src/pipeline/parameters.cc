#include "pipeline/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <unordered_map>

#include "base/strings.h"
#include "codec/yaml.h"
#include "codec/yaml_scalar.h"

namespace stoker::pipeline {

namespace {

// A text of the command line as a value of the type, or why it is none.
struct Typed {
  json::value value;
  ParameterProblem problem;
};

Typed wrong_text(std::string_view what, std::string_view text, std::string hint = "") {
  return {nullptr, {fmt::format("must be {}, not \"{}\"", what, text.substr(0, 100)), std::move(hint)}};
}

Typed typed_number(std::string_view text, bool integer) {
  const auto meaning = codec::plain_scalar(text);
  const bool fits = meaning.problem.empty() && (integer ? meaning.value.is_int64() : meaning.value.is_number());
  return fits ? Typed{meaning.value, {}} : wrong_text(integer ? "an integer" : "a number", text, meaning.hint);
}

Typed typed_tree(std::string_view text, bool list) {
  auto parsed = codec::parse_json_located(text);
  // YAML's flow style is what people type: {a: 1}.
  if (!parsed.problems.empty()) parsed = codec::parse_yaml(text);
  const bool fits = parsed.problems.empty() && (list ? parsed.value.is_array() : parsed.value.is_object());
  if (fits) return {std::move(parsed.value), {}};
  return wrong_text(list ? "a list" : "a map", text,
                    list ? "write it as JSON: [\"a\", \"b\"]" : "write it as JSON: {\"a\": 1}");
}

Typed typed_enumeration(const Parameter& parameter, std::string_view text) {
  const auto* values = parameter.bounds.if_contains("values");
  if (values != nullptr && values->is_array()) {
    for (const auto& value : values->get_array()) {
      if (value.is_string() ? value.get_string() == text : codec::canonical_json(value) == text) return {value, {}};
    }
  }
  return {json::string(text), {}};  // check_parameter names the values
}

Typed typed(const Parameter& parameter, std::string_view text) {
  switch (parameter.type) {
    case ParameterType::integer: return typed_number(text, true);
    case ParameterType::number: return typed_number(text, false);
    case ParameterType::boolean:
      if (text == "true" || text == "false") return {text == "true", {}};
      return wrong_text("true or false", text, text == "True" || text == "False" ? "write it in lower case" : "");
    case ParameterType::list: return typed_tree(text, true);
    case ParameterType::map: return typed_tree(text, false);
    case ParameterType::enumeration: return typed_enumeration(parameter, text);
    case ParameterType::any: {
      auto parsed = codec::parse_json(text);
      return {parsed.ok() ? std::move(parsed).value() : json::value(json::string(text)), {}};
    }
    case ParameterType::string:
    case ParameterType::file:
    case ParameterType::directory:
    case ParameterType::secret: return {json::string(text), {}};
    case ParameterType::table: return text.starts_with('{') ? typed_tree(text, false) : Typed{json::string(text), {}};
  }
  return {json::string(text), {}};
}

bool is_marked(const json::value& value) {
  const auto* object = value.if_object();
  if (object == nullptr || object->size() != 1) return false;
  const std::string_view key = object->begin()->key();
  return key == "$artifact" || key == "$file" || key == "$table" || key == "$secret" || key == "$value";
}

// Maps with a key that begins with `$` would read as bindings: they are wrapped.
json::value wrapped(const json::value& value) {
  if (const auto* array = value.if_array()) {
    json::array result;
    for (const auto& element : *array)
      result.push_back(wrapped(element));
    return result;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return value;
  json::object result;
  bool marked = false;
  for (const auto& member : *object) {
    marked = marked || (!member.key().empty() && member.key().front() == '$');
    result.emplace(member.key(), wrapped(member.value()));
  }
  if (!marked) return result;
  return json::object{{"$value", std::move(result)}};
}

// What follows the last `@` of a text is the version; a name with `@` in it is written as a map.
json::value table_binding(const json::value& value) {
  json::object table;
  if (value.is_string()) {
    const std::string_view text = value.get_string();
    const auto at = text.rfind('@');
    table["name"] = text.substr(0, at);
    if (at != std::string_view::npos) table["version"] = text.substr(at + 1);
  } else {
    table = value.get_object();
    if (const auto* version = table.if_contains("version"); version != nullptr && version->is_null())
      table.erase("version");
  }
  return json::object{{"$table", std::move(table)}};
}

// Of a value that fits; maps are wrapped already.
json::value binding_of(const Parameter& parameter, const json::value& value, const std::string& directory) {
  if (value.is_null() || is_marked(value)) return value;
  switch (parameter.type) {
    case ParameterType::file:
    case ParameterType::directory:
      return json::object{
          {"$file", json::object{{"path", absolute_path(directory, std::string_view(value.as_string()))}}}};
    case ParameterType::table: return table_binding(value);
    case ParameterType::secret: {
      std::string reference(value.as_string());
      if (reference.starts_with("file:"))
        reference = "file:" + absolute_path(directory, std::string_view(reference).substr(5));
      return json::object{{"$secret", reference}};
    }
    default: return value;
  }
}

class Binder {
 public:
  Binder(const std::vector<Parameter>& declared, const std::string& declaring_directory, const GivenParameters& given)
      : declared_(declared), declaring_directory_(declaring_directory), given_(given) {
    for (const auto& parameter : declared)
      by_name_.emplace(parameter.name, &parameter);
  }

  Result<json::object> run() {
    for (const auto& member : given_.values)
      take_value(member.key(), member.value());
    for (const auto& assignment : given_.assignments)
      take_text(assignment);
    json::object result;
    std::vector<std::string> missing;
    for (const auto& parameter : declared_) {
      if (auto it = bound_.find(parameter.name); it != bound_.end()) {
        result.emplace(parameter.name, std::move(it->second));
      } else if (parameter.default_value) {
        result.emplace(parameter.name, binding_of(parameter, wrapped(*parameter.default_value), declaring_directory_));
      } else if (parameter.required) {
        missing.push_back(parameter.name);
      } else {
        result.emplace(parameter.name, nullptr);
      }
    }
    for (const auto& name : missing) {
      if (!refused_.contains(name))
        fail(fmt::format("parameter \"{}\" is required and has no value", name),
             fmt::format("give it: --set {}=…", name));
    }
    if (total_ == 0) return result;
    return error();
  }

 private:
  void fail(std::string message, std::string hint) {
    ++total_;
    if (problems_.size() < kMaximumParameterProblems) problems_.emplace_back(std::move(message), std::move(hint));
  }

  const Parameter* find(const std::string& name) {
    if (const auto it = by_name_.find(name); it != by_name_.end()) return it->second;
    std::string hint;
    if (problems_.size() < kMaximumParameterProblems) {
      std::vector<std::string> names;
      for (const auto& parameter : declared_)
        names.push_back(parameter.name);
      hint = did_you_mean(name, names);
      constexpr std::size_t kListed = 20;
      if (hint.empty() && names.empty()) hint = "the pipeline has no parameters";
      if (hint.empty() && names.size() <= kListed) hint = "known: " + join(names, ", ");
    }
    fail(fmt::format("unknown parameter \"{}\"", name), std::move(hint));
    return nullptr;
  }

  void take(const Parameter& parameter, const json::value& value) {
    if (auto problem = check_parameter(parameter, value)) return refuse(parameter, problem);
    bound_[parameter.name] = binding_of(parameter, value, given_.current_directory);
  }

  void refuse(const Parameter& parameter, const ParameterProblem& problem) {
    refused_[parameter.name] = true;
    fail(fmt::format("parameter \"{}\" {}", parameter.name, problem.message), problem.hint);
  }

  void take_value(const std::string& name, const json::value& value) {
    if (const auto* parameter = find(name)) take(*parameter, given_.values_are_bindings ? value : wrapped(value));
  }

  void take_text(const Assignment& assignment) {
    const auto* parameter = find(assignment.name);
    if (parameter == nullptr) return;
    if (assignment.text.size() > kMaximumParameterTextBytes) {
      return refuse(*parameter,
                    {fmt::format("has more than {} bytes", kMaximumParameterTextBytes), "give it in a file"});
    }
    const auto result = typed(*parameter, assignment.text);
    if (result.problem) return refuse(*parameter, result.problem);
    take(*parameter, wrapped(result.value));
  }

  Error error() const {
    Error error{.code = ErrorCode::invalid_value};
    if (total_ == 1) {
      error.message = problems_[0].first;
      error.hint = problems_[0].second;
      return error;
    }
    error.message = fmt::format("{} errors in the parameters", total_);
    for (const auto& [message, hint] : problems_)
      error.message += "\n" + message + (hint.empty() ? "" : "\n    " + hint);
    if (total_ > problems_.size()) error.message += fmt::format("\nand {} more", total_ - problems_.size());
    return error;
  }

  const std::vector<Parameter>& declared_;
  const std::string& declaring_directory_;
  const GivenParameters& given_;
  std::unordered_map<std::string, const Parameter*> by_name_;
  std::unordered_map<std::string, json::value> bound_;
  std::unordered_map<std::string, bool> refused_;
  std::vector<std::pair<std::string, std::string>> problems_;
  std::size_t total_ = 0;
};

}  // namespace

bool is_uri(std::string_view path) {
  const auto colon = path.find(':');
  if (colon == std::string_view::npos || colon < 2) return false;
  const auto scheme = path.substr(0, colon);
  if (!std::all_of(scheme.begin(), scheme.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
               c == '.';
      })) {
    return false;
  }
  return path.substr(colon).starts_with(":/");
}

std::string absolute_path(const std::string& directory, std::string_view path) {
  if (is_uri(path)) return std::string(path);
  auto text = (std::filesystem::path(directory) / std::filesystem::path(path)).lexically_normal().string();
  while (text.size() > 1 && text.back() == '/')
    text.pop_back();
  return text;
}

Result<Assignment> parse_assignment(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("\"{}\" is not NAME=VALUE", text.substr(0, 100)),
                 .hint = "write for example --set trees=50"};
  }
  return Assignment{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Result<json::object> bind_parameters(const std::vector<Parameter>& declared, const std::string& declaring_directory,
                                     const GivenParameters& given) {
  return Binder(declared, declaring_directory, given).run();
}

}  // namespace stoker::pipeline
