#include "cli/event_text.h"

#include <fmt/format.h>

#include "cli/text_width.h"

namespace stoker::cli {

std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

long number_of(const json::object& object, std::string_view key, long otherwise) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return otherwise;
  boost::system::error_code failure;
  const auto number = value->to_number<long>(failure);
  return failure ? otherwise : number;
}

bool flag_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

const json::object& object_of(const json::object& object, std::string_view key) {
  static const json::object kEmpty;
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? value->get_object() : kEmpty;
}

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
