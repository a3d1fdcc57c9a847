#include "fakes/api/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "codec/json_fields.h"
#include "fakes/api/pod_validation.h"
#include "fakes/api/store.h"

namespace stoker::fakes {

namespace {

constexpr std::string_view kSubdomain =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr std::string_view kLabel1123 =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr std::string_view kLabel1035 =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')";
constexpr std::string_view kNamePart =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr std::string_view kLabelValue =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
constexpr std::string_view kConfigKey =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
constexpr std::string_view kImmutable = "Forbidden: field is immutable when `immutable` is set";
constexpr std::size_t kMaximumDataBytes = 1 << 20;

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower_or_digit(char c) {
  return is_lower(c) || is_digit(c);
}
bool is_alphanumeric(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

bool is_label(std::string_view text) {
  return !text.empty() && is_lower_or_digit(text.front()) && is_lower_or_digit(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

bool is_subdomain(const std::string& text) {
  const auto parts = split(text, '.');
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) { return is_label(part); });
}

bool is_qualified_name(std::string_view text) {
  return !text.empty() && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

std::string at_most(std::size_t characters) {
  return fmt::format("must be no more than {} characters", characters);
}

Causes subdomain_causes(const std::string& field, const std::string& name) {
  Causes causes;
  if (name.size() > 253) causes.push_back(invalid_value(field, quoted(name), at_most(253)));
  if (!is_subdomain(name)) causes.push_back(invalid_value(field, quoted(name), std::string(kSubdomain)));
  return causes;
}

Causes name_causes(const kube::ResourceType& type, const json::object& metadata) {
  const std::string field = "metadata.name";
  const std::string name = codec::text_of(metadata, "name");
  if (name.empty()) return {required(field, "name or generateName is required")};
  if (type == kube::kRoles || type == kube::kRoleBindings) return {};  // any path segment
  if (type == kube::kNamespaces) {
    if (name.find('.') != std::string::npos) return {invalid_value(field, quoted(name), "must not contain dots")};
    return label_1123_causes(field, name);
  }
  if (type == kube::kServices) {
    Causes causes;
    if (name.size() > 63) causes.push_back(invalid_value(field, quoted(name), at_most(63)));
    if (!is_label(name) || !is_lower(name.front()))
      causes.push_back(invalid_value(field, quoted(name), std::string(kLabel1035)));
    return causes;
  }
  return subdomain_causes(field, name);
}

void append(Causes& all, Causes more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void add_owner_causes(Causes& causes, const json::object& metadata) {
  const json::value* owners = metadata.if_contains("ownerReferences");
  if (owners == nullptr || !owners->is_array()) return;
  std::vector<std::string> controllers;
  for (const json::value& each : owners->get_array()) {
    const json::object& owner = codec::object_of(each);
    for (const auto& [key, why] :
         {std::pair{"apiVersion", "version must not be empty"}, std::pair{"kind", "kind must not be empty"},
          std::pair{"name", "name must not be empty"}, std::pair{"uid", "uid must not be empty"}})
      if (codec::text_of(owner, key).empty())
        causes.push_back(invalid_value(fmt::format("metadata.ownerReferences.{}", key), "\"\"", why));
    if (codec::flag_of(owner, "controller"))
      controllers.push_back(codec::text_of(owner, "kind") + "/" + codec::text_of(owner, "name"));
  }
  if (controllers.size() > 1)
    causes.push_back(invalid_value(
        "metadata.ownerReferences", "[]v1.OwnerReference{…}",
        fmt::format("Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
                    controllers[0], controllers[1])));
}

void add_finalizer_causes(Causes& causes, const json::object& metadata) {
  const json::value* finalizers = metadata.if_contains("finalizers");
  if (finalizers == nullptr || !finalizers->is_array()) return;
  std::size_t place = 0;
  for (const json::value& each : finalizers->get_array()) {
    const std::string name = each.is_string() ? std::string(each.get_string()) : std::string();
    if (name.find('/') == std::string::npos && name != "foregroundDeletion" && name != "orphan")
      causes.push_back(invalid_value(fmt::format("metadata.finalizers[{}]", place), quoted(name),
                                     "name is neither a standard finalizer name nor is it fully qualified"));
    ++place;
  }
}

void add_data_causes(Causes& causes, const json::object& object) {
  std::size_t bytes = 0;
  const json::object& binary = codec::object_of(object, "binaryData");
  for (const auto& [key, value] : codec::object_of(object, "data")) {
    const std::string name(key);
    const std::string field = fmt::format("data[{}]", name);
    if (name.empty() || !std::all_of(name.begin(), name.end(),
                                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; }))
      causes.push_back(invalid_value(field, quoted(name), std::string(kConfigKey)));
    if (binary.contains(name))
      causes.push_back(invalid_value(field, quoted(name), "duplicate of key present in binaryData"));
    if (value.is_string()) bytes += value.get_string().size();
  }
  if (bytes > kMaximumDataBytes)
    causes.push_back(
        {"FieldValueTooLong", "[]", fmt::format("Too long: may not be more than {} bytes", kMaximumDataBytes)});
}

void add_claim_causes(Causes& causes, const json::object& spec) {
  const json::value* modes = spec.if_contains("accessModes");
  if (modes == nullptr || !modes->is_array() || modes->get_array().empty())
    causes.push_back(required("spec.accessModes", "at least 1 access mode is required"));
  if (!codec::object_of(codec::object_of(spec, "resources"), "requests").contains("storage"))
    causes.push_back(required("spec.resources[storage]"));
}

bool same(const json::object& a, const json::object& b, std::string_view key) {
  const json::value* left = a.if_contains(key);
  const json::value* right = b.if_contains(key);
  if (left == nullptr || right == nullptr) return left == right;
  return *left == *right;
}

}  // namespace

Causes label_1123_causes(const std::string& field, const std::string& name) {
  Causes causes;
  if (name.size() > 63) causes.push_back(invalid_value(field, quoted(name), at_most(63)));
  if (!is_label(name)) causes.push_back(invalid_value(field, quoted(name), std::string(kLabel1123)));
  return causes;
}

Causes label_key_causes(const std::string& field, const std::string& key) {
  const std::size_t slash = key.find('/');
  const std::string name = slash == std::string::npos ? key : key.substr(slash + 1);
  Causes causes;
  if (slash != std::string::npos && !is_subdomain(key.substr(0, slash)))
    causes.push_back(invalid_value(field, quoted(key), "prefix part " + std::string(kSubdomain)));
  if (name.size() > 63) causes.push_back(invalid_value(field, quoted(key), "name part " + at_most(63)));
  if (!is_qualified_name(name)) causes.push_back(invalid_value(field, quoted(key), std::string(kNamePart)));
  return causes;
}

Causes label_value_causes(const std::string& field, const std::string& value) {
  Causes causes;
  if (value.size() > 63) causes.push_back(invalid_value(field, quoted(value), at_most(63)));
  if (!value.empty() && !is_qualified_name(value))
    causes.push_back(invalid_value(field, quoted(value), std::string(kLabelValue)));
  return causes;
}

Causes object_causes(const kube::ResourceType& type, const json::object& object) {
  const json::object& metadata = metadata_of(object);
  Causes causes = name_causes(type, metadata);
  for (const auto& [key, value] : codec::object_of(metadata, "labels")) {
    append(causes, label_key_causes("metadata.labels", std::string(key)));
    if (value.is_string()) append(causes, label_value_causes("metadata.labels", std::string(value.get_string())));
  }
  for (const auto& [key, value] : codec::object_of(metadata, "annotations"))
    append(causes, label_key_causes("metadata.annotations", lower_case(std::string(key))));
  add_owner_causes(causes, metadata);
  add_finalizer_causes(causes, metadata);
  const json::object& spec = codec::object_of(object, "spec");
  if (type == kube::kConfigMaps || type == kube::kSecrets) add_data_causes(causes, object);
  if (type == kube::kClaims) add_claim_causes(causes, spec);
  if (type == kube::kPods) append(causes, pod_causes(spec));
  if (type == kube::kServices) append(causes, service_causes(spec));
  if (type == kube::kEvents) {
    const std::string other = codec::text_of(codec::object_of(object, "involvedObject"), "namespace");
    if (other != codec::text_of(metadata, "namespace"))
      causes.push_back(invalid_value("involvedObject.namespace", quoted(other), "does not match event.namespace"));
  }
  return causes;
}

Causes update_causes(const kube::ResourceType& type, const json::object& before, const json::object& updated) {
  Causes causes;
  if (type == kube::kConfigMaps || type == kube::kSecrets) {
    if (codec::flag_of(before, "immutable")) {
      if (!codec::flag_of(updated, "immutable"))
        causes.push_back({"FieldValueForbidden", "immutable", std::string(kImmutable)});
      for (const char* key : {"data", "binaryData"})
        if (!same(before, updated, key)) causes.push_back({"FieldValueForbidden", key, std::string(kImmutable)});
    }
    if (type == kube::kSecrets && !same(before, updated, "type"))
      causes.push_back(invalid_value("type", quoted(codec::text_of(updated, "type")), "field is immutable"));
  }
  if (type == kube::kPods) append(causes, pod_update_causes(before, updated));
  return causes;
}

}  // namespace stoker::fakes
