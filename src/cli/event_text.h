// Reading fields of run events leniently: a missing or odd field is empty, never an error, since events may come from a
// newer program.
#pragma once

#include <string>
#include <string_view>

#include "codec/json.h"

namespace stoker::cli {

std::string text_of(const json::object& object, std::string_view key);
long number_of(const json::object& object, std::string_view key, long otherwise = 0);
bool flag_of(const json::object& object, std::string_view key);
// The inner object, or an empty one.
const json::object& object_of(const json::object& object, std::string_view key);
// "auc=0.99  accuracy=0.95"
std::string metrics_text(const json::object& metrics);
// "ValueError: column 'radius' not found", on one line.
std::string error_text(const json::object& event);

}  // namespace stoker::cli
