#include "resources/object.h"

namespace stoker::resources {

namespace {

std::string_view text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

}  // namespace

std::string text_in(const json::object& object, std::string_view key) {
  return std::string(text_at(object, key));
}

const json::object& object_in(const json::object& object, std::string_view key) {
  static const json::object kNone;
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? value->get_object() : kNone;
}

const json::array& list_in(const json::object& object, std::string_view key) {
  static const json::array kNone;
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

std::int64_t number_in(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

namespace {

bool is_name_of(std::string_view name, std::string_view inside, std::size_t maximum) {
  constexpr std::string_view kAtEnds = "abcdefghijklmnopqrstuvwxyz0123456789";
  return !name.empty() && name.size() <= maximum && kAtEnds.find(name.front()) != std::string_view::npos &&
         kAtEnds.find(name.back()) != std::string_view::npos &&
         name.find_first_not_of(inside) == std::string_view::npos;
}

}  // namespace

bool is_dns_label(std::string_view name) {
  constexpr std::size_t kMaximum = 63;
  return is_name_of(name, "abcdefghijklmnopqrstuvwxyz0123456789-", kMaximum);
}

bool is_dns_subdomain(std::string_view name) {
  constexpr std::size_t kMaximum = 253;
  return is_name_of(name, "abcdefghijklmnopqrstuvwxyz0123456789-.", kMaximum);
}

std::string metadata_text(const json::object& object, std::string_view field) {
  return text_in(object_in(object, "metadata"), field);
}

std::string label_of(const json::object& object, std::string_view label) {
  return text_in(object_in(object_in(object, "metadata"), "labels"), label);
}

std::string annotation_of(const json::object& object, std::string_view annotation) {
  return text_in(object_in(object_in(object, "metadata"), "annotations"), annotation);
}

json::object& object_at(json::object& parent, std::string_view key) {
  json::value& value = parent[key];
  return value.is_object() ? value.get_object() : value.emplace_object();
}

json::array& list_at(json::object& parent, std::string_view key) {
  json::value& value = parent[key];
  return value.is_array() ? value.get_array() : value.emplace_array();
}

void add_texts(json::object& parent, std::string_view key, const Texts& texts) {
  if (texts.empty()) return;
  json::object& object = object_at(parent, key);
  for (const auto& [name, text] : texts)
    object[name] = text;
}

json::object make_object(std::string_view api_version, std::string_view kind, std::string_view name) {
  return {{"apiVersion", api_version}, {"kind", kind}, {"metadata", {{"name", name}}}};
}

json::object make_immutable(std::string_view kind, std::string_view name, const Texts& data) {
  json::object object = make_object("v1", kind, name);
  add_texts(object, "data", data);
  object["immutable"] = true;
  return object;
}

json::object named_value(std::string_view name, std::string_view value) {
  return {{"name", name}, {"value", value}};
}

json::object secret_volume(std::string_view name, std::string_view secret) {
  return {{"name", name}, {"secret", {{"secretName", secret}}}};
}

json::object volume_mount(std::string_view name, std::string_view path) {
  return {{"mountPath", path}, {"name", name}};
}

std::string_view name_of(const json::object& object) {
  const json::value* metadata = object.if_contains("metadata");
  return metadata != nullptr && metadata->is_object() ? text_at(metadata->get_object(), "name") : std::string_view();
}

std::string_view kind_of(const json::object& object) {
  return text_at(object, "kind");
}

}  // namespace stoker::resources
