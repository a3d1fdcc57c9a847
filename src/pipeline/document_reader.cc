// JSON to the Document's structs. The schema has looked at every value on its own already, so what has the wrong type
// here was reported and is passed over; steps of a broken document are read as far as they go, for the checks that
// follow.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/strings.h"
#include "codec/duration.h"
#include "codec/json_fields.h"
#include "pipeline/document_tree.h"
#include "pipeline/parameters.h"
#include "pipeline/schema.h"

namespace stoker::pipeline {

using codec::flag_of;
using codec::object_of;
using codec::optional_text;
using codec::text_of;

namespace {

constexpr std::string_view kFileKey = "x-stoker-file";  // of a sub-pipeline that was put in from a file

std::optional<int> integer_of(const json::object& object, std::string_view key) {
  const auto number = codec::optional_number(object, key);
  if (!number) return std::nullopt;
  return static_cast<int>(std::clamp<std::int64_t>(*number, INT32_MIN, INT32_MAX));
}

std::optional<Duration> duration_of(const json::object& object, std::string_view key) {
  const auto text = optional_text(object, key);
  if (!text) return std::nullopt;
  auto duration = codec::parse_duration(*text);
  return duration.ok() ? std::optional(*duration) : std::nullopt;
}

// Scalars as the text that a program gets: 3, true, 0.5.
std::string scalar_text(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_null() || value.is_structured()) return "";
  return codec::canonical_json(value);
}

std::vector<std::string> texts_of(const json::object& object, std::string_view key) {
  std::vector<std::string> texts;
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return texts;
  for (const auto& element : value->get_array())
    texts.push_back(scalar_text(element));
  return texts;
}

std::map<std::string, std::string> text_map(const json::object& object, std::string_view key) {
  std::map<std::string, std::string> texts;
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_object()) return texts;
  for (const auto& entry : value->get_object())
    texts.emplace(entry.key(), scalar_text(entry.value()));
  return texts;
}

PythonStep read_python(const json::object& body) {
  PythonStep step{.module = text_of(body, "module"),
                  .file = text_of(body, "file"),
                  .function = text_of(body, "function"),
                  .pickle = text_of(body, "pickle"),
                  .inject_session = flag_of(body, "injectSession")};
  if (const auto* session = body.if_contains("session"); session != nullptr && session->is_object())
    step.session = session->get_object();
  step.interfaces = object_of(body, "interfaces");
  step.code = object_of(body, "code");
  return step;
}

CommandStep read_command(const json::object& body) {
  CommandStep step{.run = texts_of(body, "run"),
                   .script = text_of(body, "script"),
                   .interpreter = texts_of(body, "interpreter"),
                   .working_directory = text_of(body, "workingDirectory"),
                   .standard_input = text_of(body, "stdin")};
  if (!step.script.empty() && step.interpreter.empty()) step.interpreter = {"sh", "-eu"};
  return step;
}

RetryPolicy read_retry(const json::object& step) {
  RetryPolicy policy;
  const auto* value = step.if_contains("retry");
  if (value == nullptr) return policy;
  if (value->is_int64()) policy.attempts = integer_of(step, "retry").value_or(0);
  if (!value->is_object()) return policy;
  const auto& body = value->get_object();
  policy.attempts = integer_of(body, "attempts").value_or(0);
  policy.backoff = duration_of(body, "backoff").value_or(policy.backoff);
  policy.maximum_backoff =
      duration_of(body, "maximumBackoff").value_or(std::max(policy.maximum_backoff, policy.backoff));
  for (const auto& entry : object_of(body, "on")) {
    const auto failure_class = parse_failure_class(entry.key());
    if (failure_class && entry.value().is_int64())
      policy.by_class[*failure_class] = static_cast<int>(entry.value().get_int64());
  }
  return policy;
}

CachePolicy read_cache(const json::object& step) {
  CachePolicy policy;
  const auto* value = step.if_contains("cache");
  if (value == nullptr) return policy;
  policy.requested = value->is_object() || (value->is_bool() && value->get_bool());
  if (value->is_bool()) policy.enabled = value->get_bool();
  if (!value->is_object()) return policy;
  policy.maximum_age = duration_of(value->get_object(), "maxAge");
  policy.extra_key = text_of(value->get_object(), "key");
  return policy;
}

std::optional<Foreach> read_foreach(const json::object& step) {
  const auto* value = step.if_contains("foreach");
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) return Foreach{.items = *value};
  const auto* items = value->get_object().if_contains("items");
  return Foreach{.items = items == nullptr ? json::value(nullptr) : *items,
                 .parallelism = integer_of(value->get_object(), "parallelism")};
}

std::optional<Repeat> read_repeat(const json::object& step) {
  const auto* value = step.if_contains("repeat");
  if (value == nullptr || !value->is_object()) return std::nullopt;
  const auto& body = value->get_object();
  return Repeat{.until = text_of(body, "until"),
                .at_most = integer_of(body, "atMost").value_or(1),
                .carry = object_of(body, "carry")};
}

std::vector<OutputDeclaration> read_outputs(const json::object& step, bool python) {
  std::vector<OutputDeclaration> outputs;
  for (const auto& entry : object_of(step, "outputs")) {
    OutputDeclaration output{.name = entry.key()};
    if (const auto* body = entry.value().if_object()) {
      const auto from = text_of(*body, "from");
      if (from == "file") output.source = OutputSource::file;
      if (from == "result") output.source = OutputSource::result;
      if (from == "log") output.source = OutputSource::log;
      output.type = text_of(*body, "type");
      if (output.type.empty() && !python) output.type = from == "file" ? "file" : "string";
      output.materializer = text_of(*body, "materializer");
      output.path = text_of(*body, "path");
      output.pattern = text_of(*body, "pattern");
    }
    outputs.push_back(std::move(output));
  }
  return outputs;
}

Parameter read_parameter(std::string name, const json::object& body) {
  static constexpr std::string_view kBoundNames[] = {"minimum", "maximum",  "minLength", "maxLength",
                                                     "pattern", "minItems", "maxItems",  "values"};
  Parameter parameter{.name = std::move(name)};
  parameter.type = parse_parameter_type(text_of(body, "type")).value_or(ParameterType::any);
  parameter.description = text_of(body, "description");
  if (const auto* value = body.if_contains("default")) parameter.default_value = *value;
  parameter.required = flag_of(body, "required", !parameter.default_value.has_value());
  for (const auto& bound : kBoundNames) {
    if (const auto* value = body.if_contains(bound)) parameter.bounds.emplace(bound, *value);
  }
  return parameter;
}

class TreeReader {
 public:
  TreeReader(DocumentTree& tree, const LoadOptions& options, Reporter& reporter)
      : tree_(tree), options_(options), reporter_(reporter) {}

  void read(PipelineNode& node) {
    const auto* object = node.value->if_object();
    if (object == nullptr) return;
    node.known = true;
    auto& pipeline = node.pipeline;
    pipeline.name = PipelineName(text_of(*object, "name"));
    pipeline.description = text_of(*object, "description");
    pipeline.directory = node.pipeline.directory.empty() ? node.source->directory : node.pipeline.directory;
    pipeline.outputs = object_of(*object, "outputs");
    pipeline.parallelism = integer_of(*object, "parallelism");
    pipeline.timeout = duration_of(*object, "timeout");
    const auto root = node.root();
    read_parameters(node, root, *object);
    std::map<std::string, const json::value*> names;
    read_steps(node, root, *object, "steps", pipeline.steps, node.step_sites, names);
    read_steps(node, root, *object, "finally", pipeline.finally, node.finally_sites, names);
    read_sub_pipelines(node, root, *object);
  }

 private:
  void read_parameters(PipelineNode& node, const JsonPath& root, const json::object& object) {
    const auto* parameters = object.if_contains("parameters");
    if (parameters == nullptr || !parameters->is_object()) return;
    const auto path = root.member("parameters", *parameters);
    for (const auto& entry : parameters->get_object()) {
      const auto* body = entry.value().if_object();
      node.pipeline.parameters.push_back(body == nullptr ? Parameter{.name = entry.key(), .type = ParameterType::any}
                                                         : read_parameter(entry.key(), *body));
      if (body == nullptr) continue;
      const auto& parameter = node.pipeline.parameters.back();
      if (!parse_parameter_type(text_of(*body, "type"))) continue;  // reported by the schema
      const auto inner = path.member(entry.key(), entry.value());
      for (auto& problem : check_declaration(parameter)) {
        const auto* value = body->if_contains(problem.member);
        reporter_.at_value(*node.source, value == nullptr ? inner : inner.member(problem.member, *value),
                           fmt::format("parameter \"{}\": {}", parameter.name, problem.message),
                           std::move(problem.hint));
      }
    }
  }

  void read_steps(PipelineNode& node, const JsonPath& root, const json::object& object, std::string_view key,
                  std::vector<Step>& steps, std::vector<StepSite>& sites,
                  std::map<std::string, const json::value*>& names) {
    const auto* list = object.if_contains(key);
    if (list == nullptr || !list->is_array()) return;
    const auto path = root.member(key, *list);
    const auto& elements = list->get_array();
    steps.reserve(elements.size());
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (!elements[i].is_object()) continue;
      const auto step_path = path.element(i, elements[i]);
      sites.push_back({std::string(key), i, &elements[i], nullptr});
      steps.push_back(read_step(node, step_path, sites.back()));
      check_step(steps.back(), *node.source, step_path, reporter_);
      check_unique(node, step_path, names);
    }
  }

  void check_unique(const PipelineNode& node, const JsonPath& path, std::map<std::string, const json::value*>& names) {
    const auto* name = path.value->get_object().if_contains("name");
    if (name == nullptr || !name->is_string()) return;
    const auto [it, fresh] = names.emplace(std::string(name->get_string()), name);
    if (!fresh) {
      reporter_.at_value(*node.source, path.member("name", *name),
                         fmt::format("a step \"{}\" exists already", it->first),
                         "the names of steps and finally steps must differ");
    }
  }

  Step read_step(const PipelineNode& node, const JsonPath& path, StepSite& site) {
    const auto& object = path.value->get_object();
    Step step{.name = StepName(text_of(object, "name"))};
    read_body(node, path, object, step, site);
    step.inputs = object_of(object, "inputs");
    step.outputs = read_outputs(object, std::holds_alternative<PythonStep>(step.body));
    for (auto& need : texts_of(object, "needs"))
      step.needs.emplace_back(std::move(need));
    step.when = optional_text(object, "when");
    step.foreach = read_foreach(object);
    step.repeat = read_repeat(object);
    step.retry = read_retry(object);
    if (const auto* spark = std::get_if<SparkStep>(&step.body);
        spark != nullptr && object.if_contains("retry") == nullptr) {
      step.retry = retry_of_manifest(spark->manifest);
    }
    step.timeout = duration_of(object, "timeout");
    step.cache = read_cache(object);
    step.resources = object_of(object, "resources");
    step.environment = text_map(object, "env");
    step.secrets = text_map(object, "secrets");
    step.labels = text_map(object, "labels");
    step.continue_on_failure = flag_of(object, "continueOnFailure");
    return step;
  }

  // A SparkApplication's own restart policy holds unless the step has one.
  static RetryPolicy retry_of_manifest(const json::object& manifest) {
    RetryPolicy policy;
    const auto inner = [](const json::object& object, std::string_view key) {
      const auto* value = object.if_contains(key);
      return value != nullptr && value->is_object() ? value->get_object() : json::object();
    };
    const auto number = [](const json::object& object, std::string_view key) {
      const auto* value = object.if_contains(key);
      return value != nullptr && value->is_int64() ? std::max<std::int64_t>(0, value->get_int64()) : 0;
    };
    const auto restart = inner(inner(manifest, "spec"), "restartPolicy");
    const auto* type = restart.if_contains("type");
    if (type == nullptr || (*type != "OnFailure" && *type != "Always")) return policy;
    policy.attempts = static_cast<int>(number(restart, "onFailureRetries"));
    policy.by_class[FailureClass::submission] = static_cast<int>(number(restart, "onSubmissionFailureRetries"));
    if (const auto seconds = number(restart, "onFailureRetryInterval"); seconds > 0) {
      policy.backoff = policy.maximum_backoff = std::chrono::seconds(seconds);
    }
    return policy;
  }

  void read_body(const PipelineNode& node, const JsonPath& path, const json::object& object, Step& step,
                 StepSite& site) {
    const auto body_of = [&](std::string_view key) -> const json::object* {
      const auto* value = object.if_contains(key);
      return value == nullptr ? nullptr : value->if_object();
    };
    if (const auto* python = body_of("python")) {
      step.body = read_python(*python);
    } else if (const auto* command = body_of("command")) {
      step.body = read_command(*command);
    } else if (const auto* spark = body_of("spark")) {
      step.body =
          SparkStep{read_manifest(node, path.member("spark", *object.if_contains("spark")), *spark, true, site)};
    } else if (const auto* wait = body_of("wait")) {
      step.body =
          WaitStep{optional_text(*wait, "duration"), optional_text(*wait, "until"), optional_text(*wait, "file")};
    } else if (const auto* resource = body_of("resource")) {
      step.body = ResourceStep{
          read_manifest(node, path.member("resource", *object.if_contains("resource")), *resource, false, site)};
    } else if (object.if_contains("pipeline") != nullptr) {
      step.body = PipelineStep{text_of(object, "pipeline")};
    }
  }

  // In place or in a file.
  json::object read_manifest(const PipelineNode& node, const JsonPath& path, const json::object& body, bool spark,
                             StepSite& site) {
    const auto* manifest = body.if_contains("manifest");
    if (manifest == nullptr) return {};
    const auto inner = path.member("manifest", *manifest);
    const Source* source = node.source;
    JsonPath root = inner;
    if (manifest->is_string()) {
      source = read_file(node, inner, "manifest");
      if (source == nullptr) return {};
      site.manifest_source = source;
      root = JsonPath{.value = &source->located.value};
    }
    if (!root.value->is_object()) {
      if (source != node.source)
        reporter_.at_value(*source, root, "a manifest is a mapping, not " + describe_value(*root.value));
      return {};
    }
    check_manifest(*source, root, spark);
    return root.value->get_object();
  }

  void check_manifest(const Source& source, const JsonPath& path, bool spark) {
    const auto& object = path.value->get_object();
    const auto demand = [&](std::string_view key, std::string_view wanted) {
      const auto* value = object.if_contains(key);
      if (value == nullptr) return reporter_.at_value(source, path, fmt::format("the manifest has no \"{}\"", key));
      const bool good = wanted.empty() ? value->is_string() : value->is_string() && value->get_string() == wanted;
      if (good) return;
      reporter_.at_value(source, path.member(key, *value),
                         wanted.empty()
                             ? fmt::format("{} must be a text, not {}", key, describe_value(*value))
                             : fmt::format("{} must be \"{}\", not {}", key, wanted, describe_value(*value)));
    };
    demand("apiVersion", spark ? "sparkoperator.k8s.io/v1beta2" : "");
    demand("kind", spark ? "SparkApplication" : "");
    if (!spark) return;
    const auto* spec = object.if_contains("spec");
    if (spec == nullptr) return reporter_.at_value(source, path, "the manifest has no \"spec\"");
    if (!spec->is_object()) {
      reporter_.at_value(source, path.member("spec", *spec), "spec must be a mapping, not " + describe_value(*spec));
    }
  }

  // A file that the document names, read and parsed; null: reported.
  const Source* read_file(const PipelineNode& node, const JsonPath& path, std::string_view what) {
    const std::string written(path.value->get_string());
    const auto refuse = [&](std::string message, std::string hint = "") {
      reporter_.at_value(*node.source, path, fmt::format("{} \"{}\": {}", what, written, message), std::move(hint));
      return nullptr;
    };
    if (written.empty()) return refuse("the path is empty");
    if (written.find("${{") != std::string::npos)
      return refuse("the path of a file cannot hold an expression", "write the manifest in place");
    if (is_uri(written)) return refuse("only local files can be read here", "download it beside the document");
    if (!options_.read_file) return refuse("files cannot be read here", "write it in place");
    const auto location = absolute_path(node.pipeline.directory, written);
    auto text = options_.read_file(location);
    if (!text.ok()) return refuse(text.error().describe(), text.error().hint);
    const auto slash = location.rfind('/');
    auto& source = tree_.sources.emplace_back(
        Source::parse(message_name(*node.source, written),
                      slash == std::string::npos ? "." : location.substr(0, std::max<std::size_t>(slash, 1)),
                      std::move(text).value()));
    reporter_.text_problems(source);
    return source.located.complete ? &source : nullptr;
  }

  // The name of a file for messages: relative the way the document was.
  static std::string message_name(const Source& source, const std::string& written) {
    const auto slash = source.file.rfind('/');
    return slash == std::string::npos || written.starts_with('/')
               ? written
               : absolute_path(source.file.substr(0, slash), written);
  }

  void read_sub_pipelines(PipelineNode& node, const JsonPath& root, const json::object& object) {
    const auto* pipelines = object.if_contains("pipelines");
    if (pipelines == nullptr || !pipelines->is_object()) return;
    const auto path = root.member("pipelines", *pipelines);
    for (const auto& entry : pipelines->get_object()) {
      const auto inner = path.member(entry.key(), entry.value());
      auto& child = tree_.nodes.emplace_back();
      child.parent = &node;
      child.key =
          node.key.empty() ? std::string(entry.key()) : fmt::format("{}/{}", node.key, std::string_view(entry.key()));
      node.children.emplace(entry.key(), &child);
      child.pipeline.directory = node.pipeline.directory;
      child.source = node.source;
      child.pointer = inner.pointer();
      child.value = &entry.value();
      if (depth_of(child) > kMaximumPipelineDepth) {
        reporter_.at_key(*node.source, inner,
                         fmt::format("sub-pipelines are nested deeper than {}", kMaximumPipelineDepth));
        continue;
      }
      if (entry.value().is_string() && !enter_file(node, inner, child)) continue;
      if (const auto* body = child.value->if_object()) adopt_directory(*body, child);
      read(child);
      if (child.pipeline.name.empty()) child.pipeline.name = PipelineName(std::string(entry.key()));
    }
  }

  static int depth_of(const PipelineNode& node) {
    int depth = 0;
    for (const auto* at = node.parent; at != nullptr; at = at->parent)
      ++depth;
    return depth;
  }

  // A sub-pipeline that was put in from a file keeps that file's folder.
  static void adopt_directory(const json::object& body, PipelineNode& child) {
    const auto file = text_of(body, kFileKey);
    if (file.empty()) return;
    child.written_file = file;
    const auto location = absolute_path(child.pipeline.directory, file);
    child.pipeline.directory = location.substr(0, std::max<std::size_t>(location.rfind('/'), 1));
  }

  bool enter_file(const PipelineNode& node, const JsonPath& path, PipelineNode& child) {
    const auto location = absolute_path(node.pipeline.directory, std::string_view(path.value->get_string()));
    std::vector<std::string> chain{location};
    for (const auto* at = &node; at != nullptr; at = at->parent) {
      const auto& file = locations_[at->source];
      if (chain.back() != file) chain.push_back(file);
      if (file != location) continue;
      std::string text;
      for (auto it = chain.rbegin(); it != chain.rend(); ++it)
        text += (text.empty() ? "" : " -> ") + it->substr(it->rfind('/') + 1);
      reporter_.at_value(*node.source, path, "a document contains itself: " + text);
      return false;
    }
    const auto* source = read_file(node, path, "sub-pipeline");
    if (source == nullptr) return false;
    locations_[source] = location;
    child.written_file = std::string(path.value->get_string());
    child.source = source;
    child.pointer.clear();
    child.value = &source->located.value;
    child.pipeline.directory = source->directory;
    const auto root = child.root();
    if (!child.value->is_object()) {
      reporter_.at_value(*source, root, "a pipeline document is a mapping, not " + describe_value(*child.value));
      return false;
    }
    if (!check_requirements(*source, root, options_, reporter_)) return false;
    pipeline_schema().validate(*child.value,
                               [&](const JsonPath& at, bool at_key, std::string message, std::string hint) {
                                 at_key ? reporter_.at_key(*source, at, std::move(message), std::move(hint))
                                        : reporter_.at_value(*source, at, std::move(message), std::move(hint));
                               });
    return true;
  }

 public:
  // The path of the main document, for documents that contain themselves.
  void locate(const Source& source) {
    const auto slash = source.file.rfind('/');
    locations_[&source] =
        absolute_path(source.directory, slash == std::string::npos ? source.file : source.file.substr(slash + 1));
  }

 private:
  DocumentTree& tree_;
  const LoadOptions& options_;
  Reporter& reporter_;
  std::map<const Source*, std::string> locations_;
};

// "0.10.2" against ">=0.9".
bool version_at_least(std::string_view version, std::string_view wanted) {
  for (int part = 0; part < 3; ++part) {
    const auto next = [](std::string_view& text) {
      int number = 0;
      const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
      text.remove_prefix(static_cast<std::size_t>(end - text.data()));
      if (text.starts_with('.')) text.remove_prefix(1);
      return number;
    };
    const int have = next(version), want = next(wanted);
    if (have != want) return have > want;
  }
  return true;
}

}  // namespace

bool check_requirements(const Source& source, const JsonPath& path, const LoadOptions& options, Reporter& reporter) {
  const auto& object = path.value->get_object();
  if (const auto* requires_ = object.if_contains("requires"); requires_ != nullptr && requires_->is_object()) {
    const auto* stoker = requires_->get_object().if_contains("stoker");
    if (stoker != nullptr && stoker->is_string() &&
        format_problem("stoker-version-constraint", stoker->get_string()).empty() &&
        !version_at_least(options.program_version, std::string_view(stoker->get_string()).substr(2))) {
      const auto outer = path.member("requires", *requires_);
      reporter.at_value(source, outer.member("stoker", *stoker),
                        fmt::format("the document needs stoker {}; this is {}", std::string_view(stoker->get_string()),
                                    options.program_version),
                        "upgrade: pip install --upgrade stoker");
      return false;
    }
  }
  const auto* version = object.if_contains("apiVersion");
  if (version != nullptr && version->is_string() && version->get_string() != kApiVersion) {
    const std::string_view text = version->get_string();
    std::string hint;
    if (text.starts_with("sparkoperator.k8s.io/")) hint = "use the application as a step: spark: {manifest: FILE}";
    if (text.starts_with("stoker.dev/")) hint = "a newer document needs a newer program: pip install --upgrade stoker";
    reporter.at_value(
        source, path.member("apiVersion", *version),
        fmt::format("apiVersion {} is not known; this program reads {}", codec::write_json(*version), kApiVersion),
        std::move(hint));
    return false;
  }
  return true;
}

void read_tree(DocumentTree& tree, const LoadOptions& options, Reporter& reporter) {
  TreeReader reader(tree, options, reporter);
  reader.locate(tree.sources.front());
  reader.read(tree.nodes.front());
}

}  // namespace stoker::pipeline
