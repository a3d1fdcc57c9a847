// The steps of a run as a person names and reads them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "metadata/rows.h"

namespace stoker::cli {

// `name` means the step at `path`: itself, an instance of it such as train[3], or a step of the sub-pipeline.
bool means_step(const std::string& name, const StepPath& path);

// No step has that name: says so, with the nearest one of `steps` and of `names`, which may not have begun yet.
Error no_such_step(const RunId& run, const std::string& name, const std::vector<metadata::StepRow>& steps,
                   std::vector<std::string> names = {});

// As the run went: by start (a cached or skipped step by its end); what never began is last.
void sort_as_run(std::vector<metadata::StepRow>& steps);

}  // namespace stoker::cli
