#include "codec/json_fields.h"

namespace stoker::codec {

std::optional<std::string> optional_text(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::string text_of(const json::object& object, std::string_view key) {
  return optional_text(object, key).value_or(std::string());
}

std::optional<std::int64_t> optional_number(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  boost::system::error_code failure;
  const auto number = value->to_number<std::int64_t>(failure);
  return failure ? std::nullopt : std::optional(number);
}

std::int64_t number_of(const json::object& object, std::string_view key, std::int64_t otherwise) {
  return optional_number(object, key).value_or(otherwise);
}

double real_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

bool flag_of(const json::object& object, std::string_view key, bool otherwise) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() ? value->get_bool() : otherwise;
}

const json::object& object_of(const json::value& value) {
  static const json::object kEmpty;
  return value.is_object() ? value.get_object() : kEmpty;
}

const json::object& object_of(const json::object& object, std::string_view key) {
  static const json::value kNothing;
  const json::value* value = object.if_contains(key);
  return object_of(value != nullptr ? *value : kNothing);
}

}  // namespace stoker::codec
