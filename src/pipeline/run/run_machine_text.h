// Small makers of results and texts that the files of the run machine share.
#pragma once

#include <string>

#include "pipeline/run/run_state.h"

namespace stoker::pipeline {

// A result that is only an error.
StepResultPtr error_result(FailureClass failure_class, std::string_view message);
// The result (may be null) with another error.
StepResultPtr with_error(const StepResultPtr& result, FailureClass failure_class, std::string_view message);

}  // namespace stoker::pipeline
