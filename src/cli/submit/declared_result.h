// What `--result` asks for, looked for in the driver's log line by line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "expression/regex/regex.h"

namespace stoker::cli {

// NAME: the value of the last line `stoker-result NAME=VALUE`. /PATTERN/: of the last line that matches, the first
// group, or without groups what matched.
class DeclaredResult {
 public:
  static Result<DeclaredResult> parse(const std::string& wanted);

  void see(std::string_view line);
  const std::optional<std::string>& value() const { return value_; }
  // What was looked for, for people.
  const std::string& wanted() const { return wanted_; }

 private:
  std::string wanted_;
  std::string prefix_;  // "stoker-result NAME="
  std::optional<expression::Regex> pattern_;
  std::optional<std::string> value_;
};

}  // namespace stoker::cli
