// The functions of the language: one row each. The parser checks names and argument counts, the evaluator has the
// bodies.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stoker::expression {

enum class FunctionId {
  size,
  starts_with,
  ends_with,
  contains,
  matches,
  lower_ascii,
  upper_ascii,
  trim,
  split,
  join,
  replace,
  to_int,
  to_double,
  to_string,
  to_bool,
  min,
  max,
  sum,
  range,
  one_of
};

struct Function {
  FunctionId id;
  std::string_view name;
  bool global;  // name(a, b)
  bool method;  // a.name(b)
  // Arguments, counting the receiver.
  std::size_t minimum;
  std::size_t maximum;
  std::string_view signature;
};

std::span<const Function> functions();
const Function& function(FunctionId id);
const Function* find_function(std::string_view name);
// Functions and macros, for "did you mean".
const std::vector<std::string>& function_names();

}  // namespace stoker::expression
