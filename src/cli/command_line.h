// The command line: words in, a Command out. The only home of CLI11.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"

namespace stoker::cli {

// `arguments` without the program's name. A misspelt verb or flag is an error that names the nearest. `columns` wraps
// help.
Result<Command> parse_command_line(const std::vector<std::string>& arguments);

// One verb or flag as shell completion needs it.
struct CompletionNode {
  std::string name;  // "runs show"; "" is the program itself
  std::string help;
  std::vector<std::string> verbs;
  std::vector<std::string> flags;
};
std::vector<CompletionNode> completion_nodes();

}  // namespace stoker::cli
