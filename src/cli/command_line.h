// The command line: words in, a Command out. CLI11 is known to the command_*.cc alone.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"

namespace stoker::cli {

// `arguments` without the program's name. A misspelt verb or flag is an error that names the nearest.
Result<Command> parse_command_line(const std::vector<std::string>& arguments);

// The verbs and flags as shell completion needs them.
struct CompletionFlag {
  std::string name;  // --state
  std::string help;
  bool takes_value = false;
  std::vector<std::string> values;  // the only ones, where they are few
};
struct CompletionNode {
  std::string name;  // "runs show"; "" is the program itself
  std::string help;
  std::vector<std::string> verbs;
  std::vector<CompletionFlag> flags;
  std::vector<std::string> values;  // of its argument
};
std::vector<CompletionNode> completion_nodes();

}  // namespace stoker::cli
