// A run as plain lines, for files, pipes and terminals that cannot move the cursor: one line per thing that a person
// waits for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "codec/json.h"

namespace stoker::cli {

// The line for one run event (without newline), or none for events that only the live tree shows.
std::optional<std::string> plain_line(const json::object& event);

// The end of a failed run, under 15 lines: each failed step with its instance, the user's own traceback, the log's path
// and the command that resumes. `failures` are the step.failed events in order.
std::string failure_report(const std::vector<json::object>& failures, const std::string& run_id, std::size_t columns,
                           bool has_parameters = false);

}  // namespace stoker::cli
