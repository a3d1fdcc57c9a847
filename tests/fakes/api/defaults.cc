#include "fakes/api/defaults.h"

#include <fmt/format.h>

#include <vector>

#include "codec/base64.h"
#include "codec/json_fields.h"
#include "fakes/api/answer.h"
#include "fakes/api/quantity.h"
#include "fakes/api/store.h"

namespace stoker::fakes {

namespace {

void remove_nulls(json::value& value) {
  if (value.is_array()) {
    for (json::value& each : value.get_array())
      remove_nulls(each);
    return;
  }
  if (!value.is_object()) return;
  json::object kept;
  for (auto& [key, each] : value.get_object()) {
    if (each.is_null()) continue;
    remove_nulls(each);
    kept[key] = std::move(each);
  }
  value = std::move(kept);
}

std::string_view kind_of(const json::value& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_bool()) return "bool";
  return value.is_string() ? "string" : "number";
}

void check_texts(const kube::ResourceType& type, const json::object& in, std::string_view member,
                 std::string_view path) {
  const json::value* map = in.if_contains(member);
  if (map == nullptr) return;
  const auto refuse = [&](std::string_view found, std::string_view wanted) {
    throw bad_request(fmt::format(
        "{} in version {} cannot be handled as a {}: json: cannot unmarshal {} into Go struct "
        "field {} of type {}",
        type.kind, quoted(type.api_version.substr(type.api_version.find('/') + 1)), type.kind, found, path, wanted));
  };
  if (!map->is_object()) refuse(kind_of(*map), "map[string]string");
  for (const auto& [key, value] : map->get_object())
    if (!value.is_string()) refuse(kind_of(value), "string");
}

void drop_empty(json::object& object, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr) continue;
    const bool empty = (value->is_object() && value->get_object().empty()) ||
                       (value->is_array() && value->get_array().empty()) ||
                       (value->is_string() && value->get_string().empty());
    if (empty) object.erase(key);
  }
}

void set_if_missing(json::object& object, std::string_view key, json::value value) {
  if (!object.contains(key)) object[key] = std::move(value);
}

json::object& object_at(json::object& object, std::string_view key) {
  json::value& value = object[key];
  if (!value.is_object()) value.emplace_object();
  return value.get_object();
}

void for_each_in(json::object& object, std::string_view key, const auto& function) {
  json::value* list = object.if_contains(key);
  if (list == nullptr || !list->is_array()) return;
  for (json::value& each : list->get_array())
    if (each.is_object()) function(each.get_object());
}

void default_container(json::object& container) {
  json::object& resources = object_at(container, "resources");
  if (resources.contains("limits") && resources.at("limits").is_object()) {
    const json::object limits = resources.at("limits").get_object();
    json::object& requests = object_at(resources, "requests");
    for (const auto& [key, value] : limits)
      set_if_missing(requests, key, value);
  }
  for (const char* key : {"requests", "limits"})
    if (json::value* amounts = resources.if_contains(key); amounts != nullptr && amounts->is_object())
      for (auto& [name, value] : amounts->get_object())
        if (const auto quantity = parse_quantity(value)) value = quantity->text();
  const std::string image = codec::text_of(container, "image");
  const std::size_t colon = image.find(':', image.rfind('/') == std::string::npos ? 0 : image.rfind('/'));
  const bool latest =
      image.find('@') == std::string::npos && (colon == std::string::npos || image.substr(colon) == ":latest");
  set_if_missing(container, "terminationMessagePath", "/dev/termination-log");
  set_if_missing(container, "terminationMessagePolicy", "File");
  set_if_missing(container, "imagePullPolicy", latest ? "Always" : "IfNotPresent");
  for_each_in(container, "ports", [](json::object& port) { set_if_missing(port, "protocol", "TCP"); });
  for_each_in(container, "env", [](json::object& variable) {
    json::value* from = variable.if_contains("valueFrom");
    if (from != nullptr && from->is_object() && from->get_object().contains("fieldRef"))
      set_if_missing(object_at(from->get_object(), "fieldRef"), "apiVersion", "v1");
  });
}

json::array default_tolerations() {
  json::array tolerations;
  for (const char* key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
    tolerations.push_back(
        json::object{{"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", 300}});
  return tolerations;
}

void default_pod(json::object& spec) {
  for (const char* kind : {"containers", "initContainers"})
    for_each_in(spec, kind, [](json::object& container) { default_container(container); });
  for_each_in(spec, "volumes", [](json::object& volume) {
    for (const char* source : {"configMap", "secret"})
      if (volume.contains(source)) set_if_missing(object_at(volume, source), "defaultMode", 420);
  });
  set_if_missing(spec, "restartPolicy", "Always");
  set_if_missing(spec, "terminationGracePeriodSeconds", 30);
  set_if_missing(spec, "dnsPolicy", "ClusterFirst");
  set_if_missing(spec, "securityContext", json::object{});
  set_if_missing(spec, "schedulerName", "default-scheduler");
  set_if_missing(spec, "tolerations", default_tolerations());
  set_if_missing(spec, "priority", 0);
  set_if_missing(spec, "enableServiceLinks", true);
  set_if_missing(spec, "preemptionPolicy", "PreemptLowerPriority");
  if (spec.contains("serviceAccountName")) set_if_missing(spec, "serviceAccount", spec.at("serviceAccountName"));
}

void default_service(json::object& spec) {
  for_each_in(spec, "ports", [](json::object& port) {
    set_if_missing(port, "protocol", "TCP");
    if (port.contains("port")) set_if_missing(port, "targetPort", port.at("port"));
  });
  set_if_missing(spec, "type", "ClusterIP");
  set_if_missing(spec, "sessionAffinity", "None");
  set_if_missing(spec, "clusterIP", "10.96.0.10");
  set_if_missing(spec, "clusterIPs", json::array{spec.at("clusterIP")});
  set_if_missing(spec, "ipFamilies", json::array{"IPv4"});
  set_if_missing(spec, "ipFamilyPolicy", "SingleStack");
  set_if_missing(spec, "internalTrafficPolicy", "Cluster");
}

void take_string_data(json::object& secret) {
  const json::object plain = codec::object_of(secret, "stringData");
  for (const auto& [key, value] : plain)
    if (value.is_string()) object_at(secret, "data")[key] = codec::encode_base64(std::string_view(value.get_string()));
  secret.erase("stringData");
}

std::string_view quality_of(const json::object& spec) {
  bool any = false;
  bool guaranteed = true;
  const json::value* containers = spec.if_contains("containers");
  if (containers == nullptr || !containers->is_array()) return "BestEffort";
  for (const json::value& each : containers->get_array()) {
    const json::object& resources = codec::object_of(codec::object_of(each), "resources");
    const json::object& requests = codec::object_of(resources, "requests");
    const json::object& limits = codec::object_of(resources, "limits");
    for (const char* key : {"cpu", "memory"}) {
      any = any || requests.contains(key) || limits.contains(key);
      guaranteed = guaranteed && requests.contains(key) && limits.contains(key) && requests.at(key) == limits.at(key);
    }
  }
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}

}  // namespace

void clean(const kube::ResourceType& type, json::object& object) {
  json::value whole(std::move(object));
  remove_nulls(whole);
  object = std::move(whole.get_object());
  json::object& metadata = metadata_of(object);
  for (const char* key : {"labels", "annotations"})
    check_texts(type, metadata, key, fmt::format("ObjectMeta.metadata.{}", key));
  drop_empty(metadata, {"labels", "annotations", "finalizers", "ownerReferences", "name", "namespace", "generateName",
                        "resourceVersion", "uid"});
  if (type == kube::kConfigMaps) check_texts(type, object, "data", "ConfigMap.data");
  if (type == kube::kConfigMaps || type == kube::kSecrets) drop_empty(object, {"data", "binaryData"});
  if (type == kube::kSecrets)
    for (const auto& [key, value] : codec::object_of(object, "data"))
      if (!value.is_string() || !codec::decode_base64(std::string_view(value.get_string())))
        throw bad_request(
            "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 0");
}

void set_defaults(const kube::ResourceType& type, json::object& object) {
  object["apiVersion"] = type.api_version;
  object["kind"] = type.kind;
  if (type == kube::kPods) default_pod(object_at(object, "spec"));
  if (type == kube::kServices) default_service(object_at(object, "spec"));
  if (type == kube::kClaims) set_if_missing(object_at(object, "spec"), "volumeMode", "Filesystem");
  if (type == kube::kNetworkPolicies) set_if_missing(object_at(object, "spec"), "policyTypes", json::array{"Ingress"});
  if (type == kube::kSecrets) {
    take_string_data(object);
    set_if_missing(object, "type", "Opaque");
  }
}

bool has_generation(const kube::ResourceType& type) {
  return type == kube::kPods || type == kube::kNetworkPolicies || type == kube::kPodGroups;
}

void begin_life(const kube::ResourceType& type, json::object& object) {
  json::object& metadata = metadata_of(object);
  for (const char* key : {"deletionTimestamp", "deletionGracePeriodSeconds", "generation", "managedFields", "selfLink"})
    metadata.erase(key);
  if (has_generation(type)) metadata["generation"] = 1;
  if (type == kube::kPods)
    object["status"] = json::object{{"phase", "Pending"}, {"qosClass", quality_of(codec::object_of(object, "spec"))}};
  if (type == kube::kServices) object["status"] = json::object{{"loadBalancer", json::object{}}};
  if (type == kube::kResourceQuotas) object["status"] = json::object{};
  if (type == kube::kClaims) {
    object["status"] = json::object{{"phase", "Pending"}};
    json::value& finalizers = metadata["finalizers"];
    if (!finalizers.is_array()) finalizers.emplace_array();
    finalizers.get_array().emplace_back("kubernetes.io/pvc-protection");
  }
  if (type == kube::kNamespaces) {
    object_at(metadata, "labels")["kubernetes.io/metadata.name"] = codec::text_of(metadata, "name");
    object["spec"] = json::object{{"finalizers", json::array{"kubernetes"}}};
    object["status"] = json::object{{"phase", "Active"}};
  }
}

}  // namespace stoker::fakes
