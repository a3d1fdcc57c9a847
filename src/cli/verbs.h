// The verbs: each carries out one parsed command and returns its exit code, or the error to print.
#pragma once

#include "base/result.h"
#include "cli/command.h"
#include "cli/program.h"

namespace stoker::cli {

Result<int> run_init(const Program& program, const CommonOptions& common, const InitCommand& command);

}  // namespace stoker::cli
