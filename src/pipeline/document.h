// The pipeline document as the program holds it: plain data, already validated. The format is api/pipeline.schema.json;
// this header gives its shape to the graph, the run machine and the engine. All durations are milliseconds. Templates
// are kept as written (strings with
// `${{ … }}` anywhere inside a JSON value) and evaluated by expression/template.h when the values are known.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "codec/json.h"

namespace stoker::pipeline {

using Duration = std::chrono::milliseconds;

enum class ParameterType {
  string,
  integer,
  number,
  boolean,
  list,
  map,
  enumeration,
  file,
  directory,
  table,
  secret,
  any
};
inline constexpr int kParameterTypeCount = 12;
std::string_view parameter_type_name(ParameterType type);
std::optional<ParameterType> parse_parameter_type(std::string_view name);

struct Parameter {
  std::string name;
  ParameterType type = ParameterType::string;
  std::string description;
  std::optional<json::value> default_value;  // may be null: the parameter may be missing
  bool required = false;
  // The bounds as the document has them: minimum, maximum, minLength, maxLength, pattern, minItems, maxItems, values.
  json::object bounds;
};

// Why an attempt failed; retry policy is by class. Spelled camelCase in documents, events and results.
enum class FailureClass {
  user_code,
  out_of_memory,
  node_lost,
  image,
  unschedulable,
  submission,
  timeout,
  cancelled,
  infrastructure
};
inline constexpr int kFailureClassCount = 9;
std::string_view failure_class_name(FailureClass failure_class);
std::optional<FailureClass> parse_failure_class(std::string_view name);

struct RetryPolicy {
  // Retries beyond the first attempt, all classes together.
  int attempts = 0;
  Duration backoff = std::chrono::seconds(1);
  Duration maximum_backoff = std::chrono::minutes(5);
  // A budget of its own for a class; a class not named has `attempts`.
  std::map<FailureClass, int> by_class;
};

struct CachePolicy {
  bool enabled = true;
  // The document asks for it (`cache: true` or a map), not only the default: what opts in commands and steps that read
  // outside their inputs.
  bool requested = false;
  std::optional<Duration> maximum_age;
  // Text of the user's own that becomes part of the key.
  std::string extra_key;
};

enum class OutputSource { python, file, result, log };

struct OutputDeclaration {
  std::string name;
  OutputSource source = OutputSource::python;
  // python: the SDK's type name; otherwise a parameter type name (string, number, …) or file/directory.
  std::string type;
  std::string materializer;  // python: "module:Class"
  std::string path;          // file
  std::string pattern;       // log: a regular expression with one group
};

struct PythonStep {
  std::string module;
  std::string file;      // relative to the project root
  std::string function;  // qualified name
  std::string pickle;    // base64, instead of module and file
  bool inject_session = false;
  std::optional<json::object> session;  // present: a Spark step
  json::object interfaces;              // opaque to the engine: passed to the worker
  json::object code;                    // digests that the compiler computed, part of the cache key
};

struct CommandStep {
  std::vector<std::string> run;          // templates
  std::string script;                    // instead of run: text given to `interpreter`
  std::vector<std::string> interpreter;  // default: sh -eu
  std::string working_directory;
  std::string standard_input;
};

struct SparkStep {
  json::object manifest;  // a SparkApplication
};

struct WaitStep {
  std::optional<std::string> duration;  // templates: exactly one is set
  std::optional<std::string> until;
  std::optional<std::string> file;
};

struct ResourceStep {
  json::object manifest;
};

struct PipelineStep {
  std::string pipeline;  // a key of Document::pipelines
};

struct Foreach {
  json::value items;  // a list, or a template that gives one at run time
  std::optional<int> parallelism;
};

struct Repeat {
  std::string until;  // a template that gives a boolean
  int at_most = 1;
  json::object carry;  // templates over `outputs`: inputs from the second iteration on
};

struct Step {
  StepName name;
  std::variant<PythonStep, CommandStep, SparkStep, WaitStep, ResourceStep, PipelineStep> body;
  json::object inputs;
  std::vector<OutputDeclaration> outputs;
  std::vector<StepName> needs;
  std::optional<std::string> when;  // a template that gives a boolean
  std::optional<Foreach> foreach;
  std::optional<Repeat> repeat;
  RetryPolicy retry;
  std::optional<Duration> timeout;
  CachePolicy cache;
  json::object resources;
  std::map<std::string, std::string> environment;  // values are templates
  std::map<std::string, std::string> secrets;
  std::map<std::string, std::string> labels;
  bool continue_on_failure = false;
};

// python, command, spark, wait, resource or pipeline.
std::string_view step_kind_name(const Step& step);

// A pipeline or a sub-pipeline.
struct Pipeline {
  PipelineName name;
  std::string description;
  // Folder of the file that declares it: defaults of file parameters, working folders and code are relative to it.
  std::string directory;
  std::vector<Parameter> parameters;
  std::vector<Step> steps;
  std::vector<Step> finally;
  json::object outputs;  // name -> template
  std::optional<int> parallelism;
  std::optional<Duration> timeout;
};

struct Document {
  Pipeline main;
  // All sub-pipelines; those inside another are "outer/inner".
  std::map<std::string, Pipeline> pipelines;
  std::string experiment;
  json::object annotations;
  // The document as read, with the files that it names (manifests, sub-pipelines) put in: for the store and its digest.
  // It reads back as the same document from the same place.
  json::value source;
  std::string digest;  // sha256 of the canonical JSON of `source`
};

}  // namespace stoker::pipeline
