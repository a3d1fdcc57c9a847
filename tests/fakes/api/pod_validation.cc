#include "fakes/api/pod_validation.h"

#include <fmt/format.h>

#include <set>

#include "codec/json_fields.h"
#include "fakes/api/quantity.h"

namespace stoker::fakes {

namespace {

constexpr std::string_view kChangeable =
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n";

const json::array& array_of(const json::object& object, std::string_view key) {
  static const json::array kNone;
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

void add_resource_causes(Causes& causes, const std::string& field, const json::object& resources) {
  const json::object& limits = codec::object_of(resources, "limits");
  for (const auto& [key, value] : codec::object_of(resources, "requests")) {
    const auto request = parse_quantity(value);
    const auto limit = limits.contains(key) ? parse_quantity(limits.at(key)) : std::nullopt;
    if (!request || !limit || request->milli <= limit->milli) continue;
    causes.push_back(invalid_value(
        field + ".requests", quoted(request->text()),
        fmt::format("must be less than or equal to {} limit of {}", std::string_view(key), limit->text())));
  }
}

void add_container_causes(Causes& causes, const std::string& field, const json::object& container,
                          const std::set<std::string>& volumes, std::set<std::string>& names) {
  const std::string name = codec::text_of(container, "name");
  if (name.empty()) {
    causes.push_back(required(field + ".name"));
  } else {
    for (Cause& cause : label_1123_causes(field + ".name", name))
      causes.push_back(std::move(cause));
    if (!names.insert(name).second)
      causes.push_back({"FieldValueDuplicate", field + ".name", fmt::format("Duplicate value: {}", quoted(name))});
  }
  if (codec::text_of(container, "image").empty()) causes.push_back(required(field + ".image"));
  std::size_t place = 0;
  for (const json::value& each : array_of(container, "volumeMounts")) {
    const std::string at = fmt::format("{}.volumeMounts[{}]", field, place++);
    const std::string volume = codec::text_of(codec::object_of(each), "name");
    if (!volumes.contains(volume))
      causes.push_back({"FieldValueNotFound", at + ".name", fmt::format("Not found: {}", quoted(volume))});
    if (codec::text_of(codec::object_of(each), "mountPath").empty()) causes.push_back(required(at + ".mountPath"));
  }
  add_resource_causes(causes, field + ".resources", codec::object_of(container, "resources"));
}

// A pod's spec without what may change.
json::object fixed_part(const json::object& pod) {
  json::object spec = codec::object_of(pod, "spec");
  for (const char* key : {"containers", "initContainers"})
    if (json::value* containers = spec.if_contains(key); containers != nullptr && containers->is_array())
      for (json::value& each : containers->get_array())
        if (each.is_object()) each.get_object().erase("image");
  for (const char* key : {"activeDeadlineSeconds", "tolerations"})
    spec.erase(key);
  return spec;
}

}  // namespace

Causes pod_causes(const json::object& spec) {
  Causes causes;
  std::set<std::string> volumes;
  for (const json::value& each : array_of(spec, "volumes"))
    volumes.insert(codec::text_of(codec::object_of(each), "name"));
  if (array_of(spec, "containers").empty()) causes.push_back(required("spec.containers"));
  std::set<std::string> names;
  for (const char* kind : {"containers", "initContainers"}) {
    std::size_t place = 0;
    for (const json::value& each : array_of(spec, kind))
      add_container_causes(causes, fmt::format("spec.{}[{}]", kind, place++), codec::object_of(each), volumes, names);
  }
  const std::string policy = codec::text_of(spec, "restartPolicy");
  if (policy != "Always" && policy != "OnFailure" && policy != "Never")
    causes.push_back(
        {"FieldValueNotSupported", "spec.restartPolicy",
         fmt::format("Unsupported value: {}: supported values: \"Always\", \"OnFailure\", \"Never\"", quoted(policy))});
  return causes;
}

Causes pod_update_causes(const json::object& before, const json::object& updated) {
  if (fixed_part(before) == fixed_part(updated)) return {};
  return {{"FieldValueForbidden", "spec", std::string(kChangeable)}};
}

Causes service_causes(const json::object& spec) {
  Causes causes;
  const json::array& ports = array_of(spec, "ports");
  std::size_t place = 0;
  for (const json::value& each : ports) {
    const std::string field = fmt::format("spec.ports[{}]", place++);
    const json::object& port = codec::object_of(each);
    if (ports.size() > 1 && codec::text_of(port, "name").empty()) causes.push_back(required(field + ".name"));
    for (const char* key : {"port", "targetPort"}) {
      const auto number = codec::optional_number(port, key);
      if (number && (*number < 1 || *number > 65535))
        causes.push_back(invalid_value(fmt::format("{}.{}", field, key), std::to_string(*number),
                                       "must be between 1 and 65535, inclusive"));
    }
  }
  return causes;
}

}  // namespace stoker::fakes
