// Texts of run events for people. A missing or odd field is empty, never an error: events may come from a newer
// program.
#pragma once

#include <string>
#include <string_view>

#include "codec/json.h"

namespace stoker::cli {

// "auc=0.99  accuracy=0.95"
std::string metrics_text(const json::object& metrics);
// "ValueError: column 'radius' not found", on one line.
std::string error_text(const json::object& event);

}  // namespace stoker::cli
