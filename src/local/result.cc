#include "local/result.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/strings.h"
#include "codec/json_fields.h"
#include "runtime/file.h"

namespace stoker::local {

using codec::text_of;

namespace {

Error broken(std::string what) {
  return Error{.code = ErrorCode::corrupt, .message = "the worker's result is not valid: " + std::move(what)};
}

std::optional<double> metric_of(const json::value& value) {
  if (value.is_number()) return value.to_number<double>();
  if (!value.is_string()) return std::nullopt;
  if (value.get_string() == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value.get_string() == "Infinity") return std::numeric_limits<double>::infinity();
  if (value.get_string() == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

engine::AttemptError read_error(const json::object& document) {
  engine::AttemptError error;
  const json::value* value = document.if_contains("error");
  if (value == nullptr || !value->is_object()) {
    error.failure_class = pipeline::FailureClass::user_code;
    error.message = "the step failed and did not say why";
    return error;
  }
  const json::object& object = value->get_object();
  error.failure_class =
      pipeline::parse_failure_class(text_of(object, "class")).value_or(pipeline::FailureClass::user_code);
  error.type = text_of(object, "type");
  error.message = text_of(object, "message");
  error.traceback = text_of(object, "traceback");
  error.hint = text_of(object, "hint");
  error.file = text_of(object, "file");
  if (const json::value* line = object.if_contains("line"); line != nullptr && line->is_int64()) {
    error.line = static_cast<int>(line->get_int64());
  }
  return error;
}

engine::Observed read_observed(const json::object& document) {
  engine::Observed observed;
  const json::value* value = document.if_contains("observed");
  if (value == nullptr || !value->is_object()) return observed;
  if (const json::value* files = value->get_object().if_contains("files"); files != nullptr && files->is_array()) {
    for (const auto& file : files->get_array()) {
      if (!file.is_object()) continue;
      const json::object& object = file.get_object();
      observed.files.push_back({text_of(object, "path"), text_of(object, "digest"), text_of(object, "kind")});
    }
  }
  if (const json::value* variables = value->get_object().if_contains("environment");
      variables != nullptr && variables->is_object()) {
    for (const auto& [name, digest] : variables->get_object())
      observed.environment[name] = digest.is_string() ? std::optional<std::string>(digest.get_string()) : std::nullopt;
  }
  if (const json::value* reads = value->get_object().if_contains("outsideReads");
      reads != nullptr && reads->is_array()) {
    for (const auto& read : reads->get_array()) {
      if (read.is_string()) observed.outside_reads.emplace_back(read.get_string());
    }
  }
  return observed;
}

Result<json::object> read_outputs(const json::object& document, const pipeline::Step& step) {
  const json::value* value = document.if_contains("outputs");
  json::object outputs;
  if (value != nullptr && value->is_object()) outputs = value->get_object();
  std::vector<std::string> declared;
  for (const auto& output : step.outputs) {
    declared.push_back(output.name);
    if (!outputs.contains(output.name)) return broken(fmt::format("the output \"{}\" is missing", output.name));
  }
  for (const auto& [name, output] : outputs) {
    if (std::find(declared.begin(), declared.end(), std::string(name)) == declared.end()) {
      return broken(fmt::format("the output \"{}\" is not declared", std::string_view(name)));
    }
    if (!output.is_object() || (!output.get_object().contains("artifact") && !output.get_object().contains("value"))) {
      return broken(fmt::format("the output \"{}\" has neither artifact nor value", std::string_view(name)));
    }
  }
  return outputs;
}

}  // namespace

Result<engine::AttemptResult> parse_result(std::string_view text, const engine::AttemptSpec& spec) {
  auto parsed = codec::parse_json(text);
  if (!parsed) return broken(parsed.error().message);
  if (!parsed->is_object()) return broken("it is no object");
  const json::object& document = parsed->get_object();
  const json::value* version = document.if_contains("version");
  if (version == nullptr || *version != 1) return broken("its version is not 1");
  const json::value* attempt = document.if_contains("attempt");
  if (text_of(document, "run") != spec.id.run.str() || text_of(document, "step") != spec.id.step.str() ||
      attempt == nullptr || *attempt != spec.id.attempt) {
    return broken("it belongs to another attempt");
  }
  engine::AttemptResult result;
  const std::string state = text_of(document, "state");
  if (state == "succeeded") {
    result.succeeded = true;
    TRY_ASSIGN(result.outputs, read_outputs(document, *spec.step));
  } else if (state == "failed") {
    result.error = read_error(document);
  } else {
    return broken("its state is neither succeeded nor failed");
  }
  if (const json::value* metrics = document.if_contains("metrics"); metrics != nullptr && metrics->is_object()) {
    for (const auto& [name, value] : metrics->get_object()) {
      if (auto number = metric_of(value)) result.metrics[std::string(name)] = *number;
    }
  }
  result.observed = read_observed(document);
  return result;
}

Result<std::optional<engine::AttemptResult>> read_result(const std::filesystem::path& path,
                                                         const engine::AttemptSpec& spec) {
  auto text = runtime::read_file(path, kResultLimit);
  if (!text && text.error().code == ErrorCode::not_found) return std::optional<engine::AttemptResult>();
  if (!text) return broken(text.error().message);
  TRY_ASSIGN(engine::AttemptResult result, parse_result(*text, spec));
  return std::optional<engine::AttemptResult>(std::move(result));
}

}  // namespace stoker::local
