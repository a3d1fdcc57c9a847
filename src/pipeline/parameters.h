// Parameters: whether a value fits its declaration, and the binding of what a user gave to what a pipeline declares.
// Pure: paths are made absolute by text alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "pipeline/document.h"

namespace stoker::pipeline {

// Problems that one binding prints; the rest is counted.
inline constexpr std::size_t kMaximumParameterProblems = 50;
inline constexpr std::size_t kMaximumParameterTextBytes = 1 << 20;

// What is wrong with a value and what to do; both empty: nothing. Never shows the value of a secret.
struct ParameterProblem {
  std::string message;
  std::string hint;
  explicit operator bool() const { return !message.empty(); }
};

// Whether a typed JSON value fits type and bounds. A file, directory, table or secret may be its text or its binding
// ({"$file": …}).
ParameterProblem check_parameter(const Parameter& parameter, const json::value& value);

// What is wrong with the declaration itself: bounds that do not go with the type, or are impossible; a default that
// does not fit. `member` is the member of the declaration that is meant ("default", "minimum", …).
struct DeclarationProblem {
  std::string member;
  std::string message;
  std::string hint;
};
std::vector<DeclarationProblem> check_declaration(const Parameter& parameter);

// NAME=VALUE as --set has it.
struct Assignment {
  std::string name;
  std::string text;
};
Result<Assignment> parse_assignment(std::string_view text);

struct GivenParameters {
  std::vector<Assignment> assignments;  // texts: typed by the declaration; of two for one name the last counts
  json::object values;                  // typed, from a parameter file or an API
  // The values come from the engine (inputs of a sub-pipeline) and may be bindings; what a user gives never is one.
  bool values_are_bindings = false;
  // File parameters given here are relative to this folder, defaults to `declaring_directory`.
  std::string current_directory;
};

// All declared parameters with their values as bindings: {"$file": {"path": …}}, {"$table": {"name": …}}, {"$secret":
// name}, a map with a `$` key wrapped in
// {"$value": …}, everything else as it is; null for an optional one that was not given. The error names all problems at
// once.
Result<json::object> bind_parameters(const std::vector<Parameter>& declared, const std::string& declaring_directory,
                                     const GivenParameters& given);

// A URI (s3://…, hdfs:…) rather than a local path.
bool is_uri(std::string_view path);
// Against `directory`, by text; URIs and absolute paths stay, but for `.` and `..`.
std::string absolute_path(const std::string& directory, std::string_view path);

}  // namespace stoker::pipeline
