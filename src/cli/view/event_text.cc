#include "cli/view/event_text.h"

#include <fmt/format.h>

#include "cli/view/text_width.h"
#include "codec/json_fields.h"

namespace stoker::cli {

using codec::object_of;
using codec::text_of;

std::string metrics_text(const json::object& metrics) {
  std::string text;
  for (const auto& metric : metrics) {
    if (!metric.value().is_number()) continue;
    text += fmt::format("{}{}={:.6g}", text.empty() ? "" : "  ", std::string_view(metric.key()),
                        metric.value().to_number<double>());
  }
  return text;
}

std::string error_text(const json::object& event) {
  const auto& error = object_of(event, "error");
  const auto type = text_of(error, "type");
  const auto message = text_of(error, "message");
  if (type.empty() && message.empty()) return text_of(event, "class");
  return one_line(type.empty() ? message : type + ": " + message);
}

}  // namespace stoker::cli
