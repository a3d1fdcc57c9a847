// The command line of `stoker submit`: the words of spark-submit, and a few of our own before the application.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"

namespace stoker::cli {

struct SubmitHelp {
  std::string flag;   // "-o,--output"
  std::string value;  // "" takes none
  std::string help;
};

// All flags, ours first, for help and completion.
std::vector<SubmitHelp> submit_help();

// `words` behind `submit`.
Result<SubmitCommand> parse_submit_line(std::span<const std::string> words);

}  // namespace stoker::cli
