// What tests do beside the API: look, play the node, collect garbage, take rights away.
#include <fmt/format.h>

#include "codec/json_fields.h"
#include "fakes/api_server.h"

namespace stoker::fakes {

namespace {

const json::array& containers_of(const json::object& pod, std::string_view kind) {
  static const json::array kNone;
  const json::value* containers = codec::object_of(pod, "spec").if_contains(kind);
  return containers != nullptr && containers->is_array() ? containers->get_array() : kNone;
}

json::object& status_of(json::object& pod) {
  json::value& status = pod["status"];
  if (!status.is_object()) status.emplace_object();
  return status.get_object();
}

void set_condition(json::object& pod, std::string_view type, bool holds, std::string_view reason = "") {
  json::value& list = status_of(pod)["conditions"];
  if (!list.is_array()) list.emplace_array();
  json::object condition{{"type", type}, {"status", holds ? "True" : "False"}};
  if (!reason.empty()) condition["reason"] = reason;
  for (json::value& each : list.get_array())
    if (codec::text_of(codec::object_of(each), "type") == type) {
      each = std::move(condition);
      return;
    }
  list.get_array().emplace_back(std::move(condition));
}

void bind(json::object& pod, const std::string& node) {
  json::object& spec = pod["spec"].get_object();
  if (!codec::text_of(spec, "nodeName").empty()) return;
  spec["nodeName"] = node;
  set_condition(pod, "PodScheduled", true);
}

// The same state for every container, with the ids and images that a kubelet fills in.
void set_states(json::object& pod, const json::object& state, bool ready) {
  json::array statuses;
  for (const json::value& each : containers_of(pod, "containers")) {
    const json::object& container = codec::object_of(each);
    statuses.push_back(json::object{{"name", codec::text_of(container, "name")},
                                    {"image", codec::text_of(container, "image")},
                                    {"imageID", ""},
                                    {"ready", ready},
                                    {"started", ready},
                                    {"restartCount", 0},
                                    {"lastState", json::object{}},
                                    {"state", state}});
  }
  status_of(pod)["containerStatuses"] = std::move(statuses);
}

}  // namespace

void ApiServer::create_namespace(const std::string& name) {
  std::scoped_lock lock(mutex_);
  if (cluster_.store().find(kube::kNamespaces, "", name) != nullptr) return;
  const kube::Call call{.method = "POST",
                        .path = "/api/v1/namespaces",
                        .body = codec::write_json(json::object{{"metadata", json::object{{"name", name}}}})};
  cluster_.answer(route_of(call), call, "admin");
  changed_.notify_all();
}

std::optional<json::object> ApiServer::find(const kube::ResourceType& type, const std::string& namespace_name,
                                            const std::string& name) const {
  std::scoped_lock lock(mutex_);
  const ObjectPointer found = cluster_.store().find(type, namespace_name, name);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::vector<json::object> ApiServer::all(const kube::ResourceType& type, const std::string& namespace_name) const {
  std::scoped_lock lock(mutex_);
  std::vector<json::object> objects;
  for (const ObjectPointer& each : cluster_.store().all(type, namespace_name))
    objects.push_back(*each);
  return objects;
}

std::string ApiServer::resource_version() const {
  std::scoped_lock lock(mutex_);
  return std::to_string(cluster_.store().version());
}

int ApiServer::collect_garbage() {
  std::scoped_lock lock(mutex_);
  const int removed = cluster_.collect_garbage();
  changed_.notify_all();
  return removed;
}

void ApiServer::deny(const std::string& verb, const std::string& resource, const std::string& user,
                     const std::string& namespace_name) {
  std::scoped_lock lock(mutex_);
  cluster_.deny({.verb = verb, .resource = resource, .user = user, .namespace_name = namespace_name});
}

void ApiServer::allow_all() {
  std::scoped_lock lock(mutex_);
  cluster_.allow_all();
}

bool ApiServer::change_pod(const std::string& namespace_name, const std::string& name,
                           const std::function<void(json::object& pod)>& change) {
  std::scoped_lock lock(mutex_);
  const bool there = cluster_.change_pod(namespace_name, name, change);
  changed_.notify_all();
  return there;
}

bool ApiServer::bind_pod(const std::string& namespace_name, const std::string& name, const std::string& node) {
  return change_pod(namespace_name, name, [&](json::object& pod) { bind(pod, node); });
}

bool ApiServer::set_pod_status(const std::string& namespace_name, const std::string& name, const json::object& status) {
  return change_pod(namespace_name, name, [&](json::object& pod) {
    for (const auto& [key, value] : status)
      status_of(pod)[key] = value;
  });
}

bool ApiServer::run_pod(const std::string& namespace_name, const std::string& name, const std::string& node) {
  return change_pod(namespace_name, name, [&](json::object& pod) {
    const std::string now = rfc3339(clock_.wall_now());
    bind(pod, node);
    status_of(pod)["phase"] = "Running";
    status_of(pod)["hostIP"] = "192.0.2.1";
    status_of(pod)["podIP"] = "192.0.2.100";
    if (!status_of(pod).contains("startTime")) status_of(pod)["startTime"] = now;
    set_states(pod, {{"running", json::object{{"startedAt", now}}}}, true);
    for (const char* condition : {"Initialized", "Ready", "ContainersReady"})
      set_condition(pod, condition, true);
  });
}

bool ApiServer::hold_pod(const std::string& namespace_name, const std::string& name, const std::string& reason,
                         const std::string& message) {
  return change_pod(namespace_name, name, [&](json::object& pod) {
    bind(pod, "node-1");
    json::object waiting{{"reason", reason}};
    if (!message.empty()) waiting["message"] = message;
    set_states(pod, {{"waiting", std::move(waiting)}}, false);
    for (const char* condition : {"Ready", "ContainersReady"})
      set_condition(pod, condition, false, "ContainersNotReady");
  });
}

bool ApiServer::finish_pod(const std::string& namespace_name, const std::string& name, int exit_code,
                           const std::string& reason) {
  return change_pod(namespace_name, name, [&](json::object& pod) {
    const std::string now = rfc3339(clock_.wall_now());
    const std::string why = !reason.empty() ? reason : exit_code == 0 ? "Completed" : "Error";
    const std::string started = codec::text_of(status_of(pod), "startTime");
    status_of(pod)["phase"] = exit_code == 0 ? "Succeeded" : "Failed";
    set_states(pod,
               {{"terminated", json::object{{"exitCode", exit_code},
                                            {"reason", why},
                                            {"startedAt", started.empty() ? now : started},
                                            {"finishedAt", now}}}},
               false);
    for (const char* condition : {"Ready", "ContainersReady"})
      set_condition(pod, condition, false, exit_code == 0 ? "PodCompleted" : "PodFailed");
  });
}

bool ApiServer::remove_pod(const std::string& namespace_name, const std::string& name) {
  std::scoped_lock lock(mutex_);
  const bool there = cluster_.remove_pod(namespace_name, name);
  changed_.notify_all();
  return there;
}

bool ApiServer::log(const std::string& namespace_name, const std::string& name, const std::string& text,
                    const std::string& container) {
  std::scoped_lock lock(mutex_);
  const ObjectPointer pod = cluster_.store().find(kube::kPods, namespace_name, name);
  if (pod == nullptr) return false;
  const json::array& containers = containers_of(*pod, "containers");
  const std::string of = !container.empty() || containers.empty()
                             ? container
                             : codec::text_of(codec::object_of(containers.front()), "name");
  Log& log = cluster_.logs().of({.pod_uid = codec::text_of(metadata_of(*pod), "uid"), .container = of});
  log.pieces.push_back({.time = clock_.wall_now(), .text = text});
  changed_.notify_all();
  return true;
}

}  // namespace stoker::fakes
