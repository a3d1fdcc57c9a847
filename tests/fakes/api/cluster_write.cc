// Creations, replacements and patches.
#include <fmt/format.h>

#include <algorithm>

#include "codec/json_fields.h"
#include "fakes/api/answer.h"
#include "fakes/api/cluster.h"
#include "fakes/api/defaults.h"
#include "fakes/api/patch.h"
#include "fakes/api/quota.h"
#include "fakes/api/validation.h"

namespace stoker::fakes {

namespace {

std::string version_in(std::string_view api_version) {
  return std::string(api_version.substr(api_version.find('/') + 1));
}

// What Go's decoder says of a body that is no object, as far as it can be said without being it.
std::string json_problem(const std::string& body, std::string_view target) {
  if (body.empty()) return "unexpected end of JSON input";
  const auto parsed = codec::parse_json(body);
  if (!parsed) return "invalid character looking for beginning of object key string";
  return fmt::format("json: cannot unmarshal {} into Go value of type {}",
                     parsed.value().is_array() ? "array" : "value", target);
}

json::object parse_object(const kube::ResourceType& type, const std::string& body) {
  auto parsed = codec::parse_json(body);
  if (!parsed || !parsed.value().is_object())
    throw bad_request(
        fmt::format("the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse "
                    "error: {} ({})",
                    type.kind, json_problem(body, "struct { APIVersion string; Kind string }"),
                    body.empty() ? "<empty>" : body.substr(0, 16)));
  json::object object = std::move(parsed.value().get_object());
  const std::string kind = codec::text_of(object, "kind");
  const std::string version = codec::text_of(object, "apiVersion");
  if ((kind.empty() || kind == type.kind) && (version.empty() || version == type.api_version)) return object;
  if (version == type.api_version)
    throw bad_request(
        fmt::format("{} in version {} cannot be handled as a {}: converting ({}.{}) to (core.{}): unknown conversion",
                    kind, quoted(version_in(version)), type.kind, version_in(version), kind, type.kind));
  throw bad_request(
      fmt::format("{} in version {} cannot be handled as a {}: no kind {} is registered for version {} in scheme "
                  "\"pkg/runtime/scheme.go:110\"",
                  kind, quoted(version_in(version)), type.kind, quoted(kind), quoted(version)));
}

json::object parse_patch_object(const std::string& body) {
  auto parsed = codec::parse_json(body);
  if (parsed && parsed.value().is_object()) return std::move(parsed.value().get_object());
  throw bad_request(fmt::format("error decoding patch: {}", json_problem(body, "map[string]interface {}")));
}

void check_dry_run(const Route& route, std::string_view options) {
  const std::string said = route.query_value("dryRun");
  if (said.empty() || said == "All") return;
  throw invalid("meta.k8s.io", options, "",
                {{"FieldValueNotSupported", "dryRun",
                  fmt::format("Unsupported value: []string{{{}}}: supported values: \"All\"", quoted(said))}});
}

void check_names(const Route& route, json::object& object, bool in_url) {
  json::object& metadata = metadata_of(object);
  const std::string namespace_name = codec::text_of(metadata, "namespace");
  if (!namespace_name.empty() && namespace_name != route.namespace_name)
    throw bad_request("the namespace of the provided object does not match the namespace sent on the request");
  if (route.type->namespaced) metadata["namespace"] = route.namespace_name;
  if (!in_url) return;
  const std::string name = codec::text_of(metadata, "name");
  if (name.empty())
    throw bad_request(
        fmt::format("the name of the object ({} based on URL) was undeterminable: name must be provided", route.name));
  if (name != route.name)
    throw bad_request(
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", name, route.name));
}

// The server's own fields are as they were, whatever the caller sent.
void keep_server_fields(const json::object& before, json::object& updated) {
  for (const char* key : {"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
                          "generateName", "namespace", "resourceVersion"}) {
    metadata_of(updated).erase(key);
    if (const json::value* value = metadata_of(before).if_contains(key)) metadata_of(updated)[key] = *value;
  }
}

void copy_member(const json::object& from, json::object& to, std::string_view key) {
  to.erase(key);
  if (const json::value* value = from.if_contains(key)) to[key] = *value;
}

void check_new_finalizers(const kube::ResourceType& type, const json::object& before, const json::object& updated) {
  if (!metadata_of(before).contains("deletionTimestamp")) return;
  const json::value* old = metadata_of(before).if_contains("finalizers");
  const json::value* now = metadata_of(updated).if_contains("finalizers");
  if (now == nullptr || !now->is_array()) return;
  std::string added;
  for (const json::value& each : now->get_array()) {
    const bool known = old != nullptr && old->is_array() &&
                       std::find(old->get_array().begin(), old->get_array().end(), each) != old->get_array().end();
    if (!known) added += (added.empty() ? "" : ", ") + codec::write_json(each);
  }
  if (!added.empty())
    throw invalid(type, name_of(before),
                  {{"FieldValueForbidden", "metadata.finalizers",
                    fmt::format("Forbidden: no new finalizers can be added if the object is being deleted, found new "
                                "finalizers []string{{{}}}",
                                added)}});
}

bool same_but_managers(const json::object& a, const json::object& b) {
  json::object left = a;
  json::object right = b;
  // A manager's time alone is no change.
  for (json::object* each : {&left, &right})
    if (json::value* managers = metadata_of(*each).if_contains("managedFields"))
      for (json::value& manager : managers->get_array())
        manager.get_object().erase("time");
  return left == right;
}

bool is_ended(const json::object& object) {
  const json::object& metadata = metadata_of(object);
  return metadata.contains("deletionTimestamp") && !metadata.contains("finalizers") &&
         codec::number_of(metadata, "deletionGracePeriodSeconds") == 0;
}

}  // namespace

Manager Cluster::manager_of(const Route& route) const {
  const std::string said = route.query_value("fieldManager");
  return {.name = said.empty() ? "unknown" : said,
          .api_version = std::string(route.type->api_version),
          .subresource = route.subresource,
          .time = rfc3339(clock_.wall_now())};
}

std::string Cluster::new_uid() {
  const std::uint64_t number = ++drawn_;
  return fmt::format("{:08x}-0000-4000-8000-{:012x}", number * 0x9e3779b1U & 0xffffffffU, number);
}

// Of generateName, from the letters that a real server uses.
std::string Cluster::suffix() {
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  std::uint64_t number = ++drawn_ * 0x9e3779b97f4a7c15U;
  std::string text;
  for (int i = 0; i < 5; ++i, number /= kLetters.size())
    text += kLetters[number % kLetters.size()];
  return text;
}

void Cluster::check_namespace(const Route& route, const std::string& name) const {
  if (!route.type->namespaced) return;
  const ObjectPointer found = store_.find(kube::kNamespaces, "", route.namespace_name);
  if (found == nullptr) throw not_found(kube::kNamespaces, route.namespace_name);
  if (!metadata_of(*found).contains("deletionTimestamp")) return;
  Refusal refused = forbidden(
      *route.type, name,
      fmt::format("unable to create new content in namespace {} because it is being terminated", route.namespace_name));
  json::object status = codec::parse_json(refused.response.body).value().get_object();
  status["details"].get_object()["causes"] =
      json::array{json::object{{"reason", "NamespaceTerminating"},
                               {"message", fmt::format("namespace {} is being terminated", route.namespace_name)},
                               {"field", "metadata.namespace"}}};
  throw Refusal{json_response(403, status)};
}

net::Response Cluster::create(const Route& route, const kube::Call& call, const std::string& user) {
  check_dry_run(route, "CreateOptions");
  if (route.subresource == "binding") {
    auto binding = codec::parse_json(call.body);
    if (!binding || !binding.value().is_object()) throw bad_request("no Binding");
    return bind(route, binding.value().get_object());
  }
  json::object object = parse_object(*route.type, call.body);
  if (*route.type == kube::kSelfSubjectAccessReviews || *route.type == kube::kSubjectAccessReviews)
    return review(route, std::move(object), user);
  const Manager manager = manager_of(route);
  return create_object(route, std::move(object), &manager);
}

net::Response Cluster::create_object(const Route& route, json::object object, const Manager* manager) {
  const kube::ResourceType& type = *route.type;
  clean(type, object);
  check_names(route, object, false);
  json::object& metadata = metadata_of(object);
  if (metadata.contains("resourceVersion"))
    throw server_error("resourceVersion should not be set on objects to be created");
  const std::string base = codec::text_of(metadata, "generateName");
  if (!metadata.contains("name") && !base.empty()) metadata["name"] = base + suffix();
  const std::string name = name_of(object);
  check_namespace(route, name);
  metadata["uid"] = new_uid();
  metadata["creationTimestamp"] = rfc3339(clock_.wall_now());
  json::value managers;  // of apply, which has noted them already
  if (manager == nullptr && metadata.contains("managedFields")) managers = metadata.at("managedFields");
  begin_life(type, object);
  set_defaults(type, object);
  if (type == kube::kPods) begin_life(type, object);  // its class of quality follows from the defaults
  if (const Causes causes = object_causes(type, object); !causes.empty()) throw invalid(type, name, causes);
  if (store_.find(type, route.namespace_name, name) != nullptr) throw already_exists(type, name);
  check_quota(store_, type, object);
  if (manager != nullptr) note_update(*manager, nullptr, object);
  if (managers.is_array()) metadata_of(object)["managedFields"] = std::move(managers);
  if (route.dry_run()) return json_response(201, object);
  const ObjectPointer stored = store_.put(type, std::move(object));
  note_usage(store_, route.namespace_name);
  return json_response(201, *stored);
}

net::Response Cluster::bind(const Route& route, const json::object& binding) {
  const ObjectPointer pod = existing(route);
  const std::string node = codec::text_of(codec::object_of(binding, "target"), "name");
  const std::string bound = codec::text_of(codec::object_of(*pod, "spec"), "nodeName");
  if (!bound.empty())
    throw refusal(409, "Conflict",
                  fmt::format("Operation cannot be fulfilled on pods/binding {}: pod {} is already assigned to node {}",
                              quoted(route.name), route.name, quoted(bound)),
                  {{"name", route.name}, {"kind", "pods/binding"}});
  json::object updated = *pod;
  updated["spec"].get_object()["nodeName"] = node;
  updated["status"].get_object()["conditions"] =
      json::array{json::object{{"type", "PodScheduled"}, {"status", "True"}}};
  store_.put(kube::kPods, std::move(updated));
  return json_response(201, json::object{{"kind", "Status"},
                                         {"apiVersion", "v1"},
                                         {"metadata", json::object{}},
                                         {"status", "Success"},
                                         {"code", 201}});
}

net::Response Cluster::replace(const Route& route, const kube::Call& call) {
  check_dry_run(route, "UpdateOptions");
  json::object object = parse_object(*route.type, call.body);
  clean(*route.type, object);
  check_names(route, object, true);
  return finish_update(route, existing(route), std::move(object), How::replace);
}

net::Response Cluster::patch(const Route& route, const kube::Call& call) {
  const std::string type = call.content_type.substr(0, call.content_type.find(';'));
  if (type == "application/apply-patch+yaml") return apply_patch(route, call);
  check_dry_run(route, "PatchOptions");
  const bool json_patch = type == "application/json-patch+json";
  if (!json_patch && type != "application/merge-patch+json" && type != "application/strategic-merge-patch+json") {
    json::object status = status_object(415, "UnsupportedMediaType", "415: Unsupported Media Type");
    status["details"] = json::object{};
    throw Refusal{json_response(415, status)};
  }
  const ObjectPointer before = existing(route);
  json::value updated(*before);
  if (json_patch) {
    const auto parsed = codec::parse_json(call.body);
    if (!parsed) throw bad_request(fmt::format("error decoding patch: {}", json_problem(call.body, "")));
    apply_json_patch(updated, parsed.value());
  } else {
    const json::object parsed = parse_patch_object(call.body);
    if (type == "application/merge-patch+json")
      apply_merge_patch(updated, parsed);
    else
      apply_strategic_patch(updated.get_object(), parsed);
  }
  if (!updated.is_object()) throw bad_request("error decoding patch: the result is no object");
  clean(*route.type, updated.get_object());
  check_names(route, updated.get_object(), true);
  return finish_update(route, before, std::move(updated.get_object()), How::patch);
}

net::Response Cluster::apply_patch(const Route& route, const kube::Call& call) {
  if (route.query_value("fieldManager").empty())
    throw invalid("meta.k8s.io", "PatchOptions", "", {required("fieldManager", "is required for apply patch")});
  check_dry_run(route, "PatchOptions");
  json::object applied = parse_patch_object(call.body);
  if (codec::text_of(applied, "kind") != route.type->kind ||
      codec::text_of(applied, "apiVersion") != route.type->api_version)
    throw bad_request(fmt::format("invalid object type: /{}, Kind={}", codec::text_of(applied, "apiVersion"),
                                  codec::text_of(applied, "kind")));
  if (metadata_of(applied).contains("managedFields")) throw bad_request("metadata.managedFields must be nil");
  clean(*route.type, applied);
  check_names(route, applied, true);
  const Manager manager = manager_of(route);
  const ObjectPointer before = store_.find(*route.type, route.namespace_name, route.name);
  if (before == nullptr) {
    if (!route.subresource.empty()) throw not_found(*route.type, route.name);
    return create_object(route, apply(manager, nullptr, applied, false), nullptr);
  }
  json::object updated = apply(manager, before.get(), applied, route.query_flag("force"));
  for (const char* key : {"resourceVersion", "uid"})
    copy_member(metadata_of(applied), metadata_of(updated), key);
  clean(*route.type, updated);
  return finish_update(route, before, std::move(updated), How::apply);
}

net::Response Cluster::finish_update(const Route& route, const ObjectPointer& before, json::object updated, How how) {
  const kube::ResourceType& type = *route.type;
  const std::string version = codec::text_of(metadata_of(updated), "resourceVersion");
  if (!std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; }))
    throw server_error(fmt::format("strconv.ParseUint: parsing {}: invalid syntax", quoted(version)));
  const std::string uid = codec::text_of(metadata_of(updated), "uid");
  const std::string real_uid = codec::text_of(metadata_of(*before), "uid");
  if (!uid.empty() && uid != real_uid && how != How::replace)
    throw invalid(type, route.name, {invalid_value("metadata.uid", quoted(uid), "field is immutable")});
  if (!uid.empty() && uid != real_uid)
    throw refusal(
        409, "Conflict",
        fmt::format("Operation cannot be fulfilled on {} {}: StorageError: invalid object, Code: 4, Key: "
                    "/registry/{}/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
                    "precondition: {}, UID in object meta: {}",
                    qualified(type), quoted(route.name), type.plural, route.namespace_name, route.name, uid, real_uid),
        details_of(type, route.name));
  if (!version.empty() && version != codec::text_of(metadata_of(*before), "resourceVersion"))
    throw modified(type, route.name);
  keep_server_fields(*before, updated);
  if (route.subresource == "status") {
    for (const auto& [key, value] : *before)
      if (key != "status" && key != "metadata") updated[key] = value;
  } else if (has_status(type)) {
    copy_member(*before, updated, "status");
  }
  set_defaults(type, updated);
  Causes causes = object_causes(type, updated);
  for (Cause& cause : update_causes(type, *before, updated))
    causes.push_back(std::move(cause));
  if (!causes.empty()) throw invalid(type, route.name, causes);
  check_new_finalizers(type, *before, updated);
  if (how != How::apply) note_update(manager_of(route), before.get(), updated);
  if (same_but_managers(*before, updated)) return json_response(200, *before);
  if (has_generation(type) && codec::object_of(updated, "spec") != codec::object_of(*before, "spec"))
    metadata_of(updated)["generation"] = codec::number_of(metadata_of(updated), "generation") + 1;
  if (route.dry_run()) return json_response(200, updated);
  if (is_ended(updated)) {  // its last finalizer is gone
    store_.remove(type, *before);
    gone(type, *before);
    return json_response(200, updated);
  }
  const ObjectPointer stored = store_.put(type, std::move(updated));
  return json_response(200, *stored);
}

}  // namespace stoker::fakes
