// Deletions, and what the garbage collector does after them.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "codec/json_fields.h"
#include "fakes/api/answer.h"
#include "fakes/api/cluster.h"
#include "fakes/api/quota.h"
#include "fakes/api/selector.h"

namespace stoker::fakes {

namespace {

constexpr std::string_view kForeground = "foregroundDeletion";
constexpr std::string_view kOrphan = "orphan";

// Kinds whose deletion answers with the object, not with a Status.
bool answers_with_object(const kube::ResourceType& type) {
  return type == kube::kPods || type == kube::kServices || type == kube::kServiceAccounts || type == kube::kClaims ||
         type == kube::kResourceQuotas;
}

json::array& list_in(json::object& metadata, std::string_view key) {
  json::value& list = metadata[key];
  if (!list.is_array()) list.emplace_array();
  return list.get_array();
}

bool has_finalizer(const json::object& object, std::string_view name) {
  const json::value* list = metadata_of(object).if_contains("finalizers");
  return list != nullptr && list->is_array() &&
         std::find(list->get_array().begin(), list->get_array().end(), json::value(name)) != list->get_array().end();
}

void set_finalizer(json::object& object, std::string_view name, bool there) {
  json::array& list = list_in(metadata_of(object), "finalizers");
  const auto found = std::find(list.begin(), list.end(), json::value(name));
  if (there && found == list.end()) list.emplace_back(name);
  if (!there && found != list.end()) list.erase(found);
  if (list.empty()) metadata_of(object).erase("finalizers");
}

std::vector<std::string> owners_of(const json::object& object) {
  std::vector<std::string> uids;
  const json::value* owners = metadata_of(object).if_contains("ownerReferences");
  if (owners == nullptr || !owners->is_array()) return uids;
  for (const json::value& each : owners->get_array())
    uids.push_back(codec::text_of(codec::object_of(each), "uid"));
  return uids;
}

void drop_owners(json::object& object, const std::function<bool(const std::string& uid)>& drop) {
  json::array left;
  for (const json::value& each : list_in(metadata_of(object), "ownerReferences"))
    if (!drop(codec::text_of(codec::object_of(each), "uid"))) left.push_back(each);
  if (left.empty())
    metadata_of(object).erase("ownerReferences");
  else
    metadata_of(object)["ownerReferences"] = std::move(left);
}

bool is_going(const json::object& object) {
  return metadata_of(object).contains("deletionTimestamp");
}

std::string uid_of(const json::object& object) {
  return codec::text_of(metadata_of(object), "uid");
}

std::set<std::string> all_uids(const Store& store) {
  std::set<std::string> uids;
  for (const kube::ResourceType& type : served_types())
    for (const ObjectPointer& each : store.all(type, ""))
      uids.insert(uid_of(*each));
  return uids;
}

}  // namespace

Cluster::DeleteOptions Cluster::delete_options(const Route& route, const kube::Call& call) const {
  DeleteOptions options;
  json::object body;
  if (!call.body.empty()) {
    const auto parsed = codec::parse_json(call.body);
    if (!parsed || !parsed.value().is_object())
      throw server_error(
          "couldn't get version/kind; json parse error: invalid character looking for beginning of object key string");
    body = parsed.value().get_object();
  }
  options.policy = codec::text_of(body, "propagationPolicy");
  options.grace_seconds = codec::optional_number(body, "gracePeriodSeconds");
  options.uid = codec::text_of(codec::object_of(body, "preconditions"), "uid");
  options.resource_version = codec::text_of(codec::object_of(body, "preconditions"), "resourceVersion");
  options.dry_run = body.contains("dryRun") || route.dry_run();
  if (const std::string policy = route.query_value("propagationPolicy"); !policy.empty()) options.policy = policy;
  if (const std::string grace = route.query_value("gracePeriodSeconds"); !grace.empty())
    options.grace_seconds = number_in(grace);
  if (!options.policy.empty() && options.policy != "Foreground" && options.policy != "Background" &&
      options.policy != "Orphan")
    throw invalid("meta.k8s.io", "DeleteOptions", "",
                  {{"FieldValueNotSupported", "propagationPolicy",
                    fmt::format("Unsupported value: {}: supported values: \"Foreground\", \"Background\", \"Orphan\", "
                                "\"nil\"",
                                quoted(options.policy))}});
  return options;
}

net::Response Cluster::remove(const Route& route, const kube::Call& call) {
  const DeleteOptions options = delete_options(route, call);
  const ObjectPointer object = existing(route);
  const auto [state, ended] = remove_object(*route.type, object, options);
  if (!ended || answers_with_object(*route.type)) return json_response(200, *state);
  json::object details = details_of(*route.type, route.name);
  details["uid"] = uid_of(*object);
  return json_response(200, json::object{{"kind", "Status"},
                                         {"apiVersion", "v1"},
                                         {"metadata", json::object{}},
                                         {"status", "Success"},
                                         {"details", std::move(details)}});
}

net::Response Cluster::remove_collection(const Route& route, const kube::Call& call) {
  const DeleteOptions options = delete_options(route, call);
  const net::Response listed = list(route);
  const Selector selector(*route.type, route.query_value("labelSelector"), route.query_value("fieldSelector"));
  for (const ObjectPointer& each : store_.all(*route.type, route.namespace_name))
    if (selector.matches(*each)) remove_object(*route.type, each, options);
  return listed;
}

std::pair<ObjectPointer, bool> Cluster::remove_object(const kube::ResourceType& type, const ObjectPointer& object,
                                                      const DeleteOptions& options) {
  const std::string name = name_of(*object);
  const auto refuse = [&](const std::string& what) {
    throw refusal(409, "Conflict",
                  fmt::format("Operation cannot be fulfilled on {} {}: the {}", type.kind, quoted(name), what),
                  {{"name", name}, {"kind", type.kind}});
  };
  const std::string version = codec::text_of(metadata_of(*object), "resourceVersion");
  if (!options.uid.empty() && options.uid != uid_of(*object))
    refuse(
        fmt::format("UID in the precondition ({}) does not match the UID in record ({}). The object might have been "
                    "deleted and then recreated",
                    options.uid, uid_of(*object)));
  if (!options.resource_version.empty() && options.resource_version != version)
    refuse(
        fmt::format("ResourceVersion in the precondition ({}) does not match the ResourceVersion in record ({}). The "
                    "object might have been modified",
                    options.resource_version, version));
  json::object marked = *object;
  if (options.policy == "Foreground") set_finalizer(marked, kForeground, true);
  if (options.policy == "Orphan") set_finalizer(marked, kOrphan, true);
  if (type == kube::kPods) return remove_pod_object(object, std::move(marked), options);
  const bool stays = metadata_of(marked).contains("finalizers") || type == kube::kNamespaces;
  if (stays && is_going(*object)) return {object, false};
  if (stays) {
    metadata_of(marked)["deletionTimestamp"] = rfc3339(clock_.wall_now());
    if (type == kube::kNamespaces)
      marked["status"] = json::object{{"phase", "Terminating"}};
    else
      metadata_of(marked)["deletionGracePeriodSeconds"] = 0;
    if (options.dry_run) return {std::make_shared<const json::object>(std::move(marked)), false};
    return {store_.put(type, std::move(marked)), false};
  }
  if (options.dry_run) return {object, true};
  const ObjectPointer last = store_.remove(type, *object);
  gone(type, *object);
  return {last, true};
}

// A pod that has a node stays until its kubelet takes it away, or somebody does not want to wait.
std::pair<ObjectPointer, bool> Cluster::remove_pod_object(const ObjectPointer& object, json::object marked,
                                                          const DeleteOptions& options) {
  const json::object& spec = codec::object_of(*object, "spec");
  const std::string phase = codec::text_of(codec::object_of(*object, "status"), "phase");
  std::int64_t grace = options.grace_seconds.value_or(codec::number_of(spec, "terminationGracePeriodSeconds", 30));
  if (grace < 0) grace = 1;
  if (codec::text_of(spec, "nodeName").empty() || phase == "Succeeded" || phase == "Failed") grace = 0;
  json::object& metadata = metadata_of(marked);
  const bool again = is_going(*object);
  if (again) {
    const std::int64_t left = codec::number_of(metadata, "deletionGracePeriodSeconds");
    if (!options.grace_seconds || grace >= left) {
      if (left > 0 || metadata.contains("finalizers")) return {object, false};
      grace = 0;
    }
  } else {
    metadata["generation"] = codec::number_of(metadata, "generation") + 1;
  }
  metadata["deletionGracePeriodSeconds"] = grace;
  metadata["deletionTimestamp"] = rfc3339(clock_.wall_now() + std::chrono::seconds(grace));
  const bool ends = grace == 0 && !metadata.contains("finalizers");
  if (options.dry_run) return {std::make_shared<const json::object>(std::move(marked)), ends};
  // As a real server: watchers see the mark even when the pod goes at once.
  const ObjectPointer state = store_.put(kube::kPods, std::move(marked));
  if (!ends) return {state, false};
  const ObjectPointer last = store_.remove(kube::kPods, *state);
  gone(kube::kPods, *state);
  return {last, true};
}

void Cluster::gone(const kube::ResourceType& type, const json::object& object) {
  if (type == kube::kPods) logs_.end_all(uid_of(object));
  note_usage(store_, namespace_of(object));
}

int Cluster::collect_garbage() {
  int total = 0;
  while (true) {
    const std::uint64_t before = store_.version();
    total += collect_orphans() + finish_foreground() + finish_namespaces();
    if (store_.version() == before) return total;
  }
}

// What has owners, and none of them is left; where some are left, the references to the others go.
int Cluster::collect_orphans() {
  int removed = 0;
  const std::set<std::string> there = all_uids(store_);
  for (const kube::ResourceType& type : served_types())
    for (const ObjectPointer& each : store_.all(type, "")) {
      const std::vector<std::string> owners = owners_of(*each);
      if (owners.empty() || is_going(*each)) continue;
      const auto left =
          std::count_if(owners.begin(), owners.end(), [&](const auto& uid) { return there.contains(uid); });
      if (left == 0) {
        removed += remove_object(type, each, {.policy = "Background"}).second ? 1 : 0;
      } else if (static_cast<std::size_t>(left) < owners.size()) {
        json::object updated = *each;
        drop_owners(updated, [&](const std::string& uid) { return !there.contains(uid); });
        store_.put(type, std::move(updated));
      }
    }
  return removed;
}

// Owners that wait for their dependants (foreground), or for them to be let go (orphan).
int Cluster::finish_foreground() {
  int removed = 0;
  for (const kube::ResourceType& type : served_types())
    for (const ObjectPointer& owner : store_.all(type, "")) {
      const bool foreground = has_finalizer(*owner, kForeground);
      if (!is_going(*owner) || (!foreground && !has_finalizer(*owner, kOrphan))) continue;
      bool waits = false;
      for (const kube::ResourceType& other : served_types())
        for (const ObjectPointer& each : store_.all(other, "")) {
          const std::vector<std::string> owners = owners_of(*each);
          if (std::find(owners.begin(), owners.end(), uid_of(*owner)) == owners.end()) continue;
          if (foreground) {
            const bool ended = remove_object(other, each, {.policy = "Background"}).second;
            removed += ended ? 1 : 0;
            waits = waits || !ended;
          } else {
            json::object updated = *each;
            drop_owners(updated, [&](const std::string& uid) { return uid == uid_of(*owner); });
            store_.put(other, std::move(updated));
          }
        }
      if (waits) continue;
      json::object released = *owner;
      set_finalizer(released, foreground ? kForeground : kOrphan, false);
      if (metadata_of(released).contains("finalizers") ||
          codec::number_of(metadata_of(released), "deletionGracePeriodSeconds") > 0) {
        store_.put(type, std::move(released));
      } else {
        store_.remove(type, *owner);
        gone(type, *owner);
        ++removed;
      }
    }
  return removed;
}

int Cluster::finish_namespaces() {
  int removed = 0;
  for (const ObjectPointer& each : store_.all(kube::kNamespaces, "")) {
    if (!is_going(*each)) continue;
    bool empty = true;
    for (const kube::ResourceType& type : served_types()) {
      if (!type.namespaced) continue;
      for (const ObjectPointer& content : store_.all(type, name_of(*each))) {
        const bool ended = remove_object(type, content, {.policy = "Background"}).second;
        removed += ended ? 1 : 0;
        empty = empty && ended;
      }
    }
    if (!empty) continue;
    store_.remove(kube::kNamespaces, *each);
    ++removed;
  }
  return removed;
}

}  // namespace stoker::fakes
