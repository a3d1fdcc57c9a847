// The rules of one step alone.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/overloaded.h"
#include "base/strings.h"
#include "codec/base64.h"
#include "codec/duration.h"
#include "expression/regex/regex.h"
#include "expression/template.h"
#include "pipeline/document_tree.h"

namespace stoker::pipeline {

namespace {

bool has_expression(std::string_view text) {
  return text.find("${{") != std::string_view::npos;
}

// YYYY-MM-DDThh:mm:ss[.f](Z|±hh:mm), all parts in range.
bool is_rfc3339(std::string_view text) {
  static const auto kForm = expression::Regex::compile(
      R"(^(\d{4})-(\d\d)-(\d\d)[Tt ]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$)");
  if (!kForm.ok()) return false;
  const auto groups = kForm->search(text);
  if (!groups) return false;
  const auto number = [&](std::size_t group) { return std::stoi(std::string(*(*groups)[group])); };
  return std::chrono::year_month_day(std::chrono::year(number(1)), std::chrono::month(static_cast<unsigned>(number(2))),
                                     std::chrono::day(static_cast<unsigned>(number(3))))
      .ok();
}

// 2Gi, 500M, 0.5: a Kubernetes quantity, as far as people write them.
bool is_quantity(std::string_view text) {
  static const auto kForm = expression::Regex::compile(R"(^[0-9]+(\.[0-9]+)?(m|k|[KMGTPE]i?|[mgtp])?$)");
  return kForm.ok() && kForm->found_in(text);
}

constexpr std::array<std::string_view, 8> kDeclaredTypes = {"string", "integer", "number", "boolean",
                                                            "list",   "map",     "file",   "directory"};

class StepCheck {
 public:
  StepCheck(const Step& step, const Source& source, const JsonPath& path, Reporter& reporter)
      : step_(step), source_(source), path_(path), object_(path.value->get_object()), reporter_(reporter) {}

  void run() {
    std::visit(
        overloaded{[&](const PythonStep& python) { check_python(python); },
                   [&](const CommandStep& command) { check_command(command); },
                   [&](const SparkStep&) { check_declared_outputs(); }, [&](const WaitStep& wait) { check_wait(wait); },
                   [&](const ResourceStep&) { refuse_member("outputs", "a resource step has no outputs"); },
                   [&](const PipelineStep&) {
                     refuse_member("outputs", "the outputs of a pipeline step are those of the sub-pipeline",
                                   "remove outputs");
                   }},
        step_.body);
    check_resources();
    check_retry();
    for (const auto& [name, reference] : step_.secrets) {
      if (!step_.environment.contains(name)) continue;
      at({"secrets", name}, fmt::format("the variable \"{}\" is in env and in secrets", name), "remove one of the two");
    }
  }

 private:
  using Keys = std::initializer_list<std::string_view>;

  // Reports at the value that the keys lead to, or the last that exists on the way.
  void at(Keys keys, std::string message, std::string hint = "") {
    walk(path_, keys.begin(), keys.end(), message, hint);
  }

  void walk(const JsonPath& path, const std::string_view* key, const std::string_view* end, std::string& message,
            std::string& hint) {
    const auto* object = key == end ? nullptr : path.value->if_object();
    const auto* value = object == nullptr ? nullptr : object->if_contains(*key);
    if (value == nullptr) return reporter_.at_value(source_, path, std::move(message), std::move(hint));
    walk(path.member(*key, *value), key + 1, end, message, hint);
  }

  void refuse_member(std::string_view key, std::string message, std::string hint = "") {
    if (const auto* value = object_.if_contains(key))
      reporter_.at_key(source_, path_.member(key, *value), std::move(message), std::move(hint));
  }

  bool has(std::string_view kind) const { return object_.contains(kind) && object_.at(kind).is_object(); }

  std::string title() const { return fmt::format("step \"{}\"", step_.name.str()); }

  void check_python(const PythonStep& python) {
    if (!has("python")) return;  // no kind at all: reported
    if (!python.pickle.empty()) {
      if (!python.module.empty() || !python.file.empty() || !python.function.empty()) {
        at({"python", "pickle"}, "pickle excludes module, file and function");
      }
      if (!codec::decode_base64(python.pickle)) at({"python", "pickle"}, "pickle is not base64");
    } else {
      if (python.module.empty() && python.file.empty()) {
        at({"python"}, fmt::format("{} does not say where its function is", title()),
           "give module or file, and function");
      }
      if (python.function.empty()) at({"python"}, fmt::format("{} does not name its function", title()));
    }
    for (const auto& output : step_.outputs) {
      for (const std::string_view key : {"from", "path", "pattern"}) {
        const auto* body = output_body(output.name);
        if (body == nullptr || !body->contains(key)) continue;
        at({"outputs", output.name, key},
           fmt::format("{} has no meaning for a Python step: its outputs are what the function returns", key));
      }
    }
  }

  void check_command(const CommandStep& command) {
    const auto& body = object_.at("command").get_object();
    if (body.contains("run") && body.contains("interpreter") && command.script.empty())
      at({"command", "interpreter"}, "interpreter needs a script");
    if (!command.run.empty() && command.run[0].empty()) at({"command", "run"}, "the name of the program is empty");
    check_declared_outputs();
  }

  const json::object* output_body(const std::string& name) const {
    const auto* outputs = object_.at("outputs").if_object();
    const auto* body = outputs == nullptr ? nullptr : outputs->if_contains(name);
    return body == nullptr ? nullptr : body->if_object();
  }

  void check_declared_outputs() {
    for (const auto& output : step_.outputs) {
      const auto* body = output_body(output.name);
      if (body == nullptr) continue;
      const auto complain = [&](std::string_view key, std::string what, std::string hint = "") {
        at({"outputs", output.name, key}, fmt::format("output \"{}\": {}", output.name, what), std::move(hint));
      };
      if (!body->contains("from")) {
        complain("from", "it does not say where its value comes from", "write from: file, from: result or from: log");
        continue;
      }
      if (body->contains("materializer")) complain("materializer", "materializer is for Python steps");
      const bool file = output.source == OutputSource::file, log = output.source == OutputSource::log;
      if (file && !body->contains("path")) complain("from", "from: file needs a path");
      if (!file && body->contains("path")) complain("path", "path goes with from: file");
      if (log && !body->contains("pattern")) complain("from", "from: log needs a pattern");
      if (!log && body->contains("pattern")) complain("pattern", "pattern goes with from: log");
      check_declared_type(output, complain);
      if (log && !output.pattern.empty()) check_pattern(output, complain);
    }
  }

  template <class Complain>
  static void check_declared_type(const OutputDeclaration& output, const Complain& complain) {
    if (std::find(kDeclaredTypes.begin(), kDeclaredTypes.end(), output.type) == kDeclaredTypes.end()) {
      const std::vector<std::string> names(kDeclaredTypes.begin(), kDeclaredTypes.end());
      auto hint = did_you_mean(output.type, names);
      complain("type", fmt::format("unknown type \"{}\"", output.type),
               hint.empty() ? "known: " + join(names, ", ") : hint);
    } else if (output.source == OutputSource::log && (output.type == "file" || output.type == "directory")) {
      complain("type", fmt::format("a {} cannot come from the log", output.type), "write from: file and its path");
    }
  }

  template <class Complain>
  static void check_pattern(const OutputDeclaration& output, const Complain& complain) {
    const auto regex = expression::Regex::compile(output.pattern);
    if (!regex.ok()) return complain("pattern", "pattern: " + regex.error().describe(), regex.error().hint);
    if (regex->group_count() != 1) {
      complain(
          "pattern",
          fmt::format("the pattern must have exactly one group, which is the value; it has {}", regex->group_count()),
          "put parentheses around the value, and write (?: ) for other groups");
    }
  }

  void check_wait(const WaitStep& wait) {
    refuse_member("outputs", "a wait step has no outputs");
    refuse_member("inputs", "a wait step has no inputs");
    if (wait.duration && !has_expression(*wait.duration)) {
      if (const auto parsed = codec::parse_duration(*wait.duration); !parsed.ok()) {
        at({"wait", "duration"}, "duration: " + parsed.error().message, parsed.error().hint);
      }
    }
    if (wait.until && !has_expression(*wait.until) && !is_rfc3339(*wait.until)) {
      at({"wait", "until"}, fmt::format("until: \"{}\" is no time", *wait.until),
         "write it as 2026-01-01T00:00:00Z, with a time zone");
    }
    if (wait.file && wait.file->empty()) at({"wait", "file"}, "the path is empty");
  }

  void check_resources() {
    for (const std::string_view key : {"memory", "disk", "cpus"}) {
      const auto* value = step_.resources.if_contains(key);
      if (value == nullptr) continue;
      if (value->is_string() && !is_quantity(value->get_string())) {
        at({"resources", key}, fmt::format("{}: \"{}\" is no quantity", key, std::string_view(value->get_string())),
           key == "cpus" ? "write for example 2, 0.5 or 500m" : "write for example 512Mi or 2Gi");
      } else if (value->is_number() && value->to_number<double>() <= 0) {
        at({"resources", key}, fmt::format("{} must be more than 0", key));
      }
    }
  }

  void check_retry() {
    if (step_.retry.backoff > step_.retry.maximum_backoff)
      at({"retry", "backoff"}, "backoff is longer than maximumBackoff");
    if (step_.retry.by_class.contains(FailureClass::cancelled)) {
      at({"retry", "on", "cancelled"}, "a cancelled step is never tried again", "remove cancelled");
    }
  }

  const Step& step_;
  const Source& source_;
  const JsonPath& path_;
  const json::object& object_;
  Reporter& reporter_;
};

}  // namespace

void check_step(const Step& step, const Source& source, const JsonPath& path, Reporter& reporter) {
  StepCheck(step, source, path, reporter).run();
}

}  // namespace stoker::pipeline
