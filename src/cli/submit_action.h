// `stoker submit --kill ID` and `--status ID`, as spark-submit has them.
#pragma once

#include "base/result.h"
#include "cli/command.h"
#include "cli/program.h"
#include "spark/submit_request.h"
#include "spark/surroundings.h"

namespace stoker::cli {

// The exit code: 1 when no driver is meant.
Result<int> act_on_submissions(const Program& program, const SubmitCommand& command,
                               const spark::SubmissionAction& action, const spark::Surroundings& machine);

}  // namespace stoker::cli
