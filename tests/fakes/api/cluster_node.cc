// The node's part: a pod's status, its end, its logs.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "codec/json_fields.h"
#include "fakes/api/answer.h"
#include "fakes/api/cluster.h"

namespace stoker::fakes {

namespace {

std::vector<std::string> containers_of(const json::object& pod, std::string_view kind) {
  std::vector<std::string> names;
  const json::value* containers = codec::object_of(pod, "spec").if_contains(kind);
  if (containers != nullptr && containers->is_array())
    for (const json::value& each : containers->get_array())
      names.push_back(codec::text_of(codec::object_of(each), "name"));
  return names;
}

// The status of a container, or of nothing.
const json::object& status_of(const json::object& pod, const std::string& container) {
  static const json::object kNone;
  for (const char* kind : {"containerStatuses", "initContainerStatuses"}) {
    const json::value* statuses = codec::object_of(pod, "status").if_contains(kind);
    if (statuses == nullptr || !statuses->is_array()) continue;
    for (const json::value& each : statuses->get_array())
      if (codec::text_of(codec::object_of(each), "name") == container) return codec::object_of(each);
  }
  return kNone;
}

}  // namespace

LogKey Cluster::log_key(const Route& route) const {
  check_log_options(route);
  const ObjectPointer pod = existing(route);
  std::vector<std::string> names = containers_of(*pod, "containers");
  std::string container = route.query_value("container");
  if (container.empty() && names.size() > 1)
    throw bad_request(fmt::format("a container name must be specified for pod {}, choose one of: [{}]", route.name,
                                  join(names, " ")));
  if (container.empty()) container = names.front();
  for (std::string& each : containers_of(*pod, "initContainers"))
    names.push_back(std::move(each));
  if (std::find(names.begin(), names.end(), container) == names.end())
    throw bad_request(fmt::format("container {} is not valid for pod {}", container, route.name));
  LogKey key{.pod_uid = codec::text_of(metadata_of(*pod), "uid"), .container = container};
  const json::object& status = status_of(*pod, container);
  if (route.query_flag("previous")) {
    if (!codec::object_of(status, "lastState").contains("terminated"))
      throw bad_request(
          fmt::format("previous terminated container {} in pod {} not found", quoted(container), quoted(route.name)));
    key.container += " (previous)";
    return key;
  }
  if (logs_.find(key) != nullptr) return key;
  if (codec::text_of(codec::object_of(*pod, "spec"), "nodeName").empty()) return {};
  const json::object& state = codec::object_of(status, "state");
  if (state.contains("running") || state.contains("terminated")) return key;
  std::string why = codec::text_of(codec::object_of(state, "waiting"), "reason");
  const std::string what = why == "ErrImagePull" || why == "ImagePullBackOff" ? "trying and failing to pull image"
                           : why.empty()                                      ? "ContainerCreating"
                                                                              : why;
  throw bad_request(
      fmt::format("container {} in pod {} is waiting to start: {}", quoted(container), quoted(route.name), what));
}

bool Cluster::change_pod(const std::string& namespace_name, const std::string& name,
                         const std::function<void(json::object& pod)>& change) {
  const ObjectPointer pod = store_.find(kube::kPods, namespace_name, name);
  if (pod == nullptr) return false;
  json::object updated = *pod;
  change(updated);
  const std::string phase = codec::text_of(codec::object_of(updated, "status"), "phase");
  if (phase == "Succeeded" || phase == "Failed") logs_.end_all(codec::text_of(metadata_of(updated), "uid"));
  if (updated != *pod) store_.put(kube::kPods, std::move(updated));
  return true;
}

bool Cluster::remove_pod(const std::string& namespace_name, const std::string& name) {
  const ObjectPointer pod = store_.find(kube::kPods, namespace_name, name);
  if (pod == nullptr) return false;
  remove_object(kube::kPods, pod, {.grace_seconds = 0});
  return true;
}

void Logs::end_all(const std::string& pod_uid) {
  for (auto& [key, log] : logs_)
    if (key.pod_uid == pod_uid) log.ended = true;
}

void check_log_options(const Route& route) {
  Causes causes;
  for (const char* key : {"tailLines", "sinceSeconds", "limitBytes"}) {
    const std::string text = route.query_value(key);
    const std::int64_t least = std::string_view(key) == "tailLines" ? 0 : 1;
    if (!text.empty() && number_in(text) < least)
      causes.push_back(invalid_value(key, text, fmt::format("must be greater than or equal to {}", least)));
  }
  if (!route.query_value("sinceSeconds").empty() && !route.query_value("sinceTime").empty())
    causes.push_back(
        {"FieldValueForbidden", "[]", "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"});
  if (!causes.empty()) throw invalid("", "PodLogOptions", route.name, causes);
}

std::string shown(const Log& log, std::size_t first, const Route& route, WallTime now) {
  const std::string seconds = route.query_value("sinceSeconds");
  std::string since = route.query_value("sinceTime");
  if (!seconds.empty()) since = rfc3339(now - std::chrono::seconds(number_in(seconds)));
  std::vector<std::string> lines;  // each with its newline, but perhaps the last
  bool open = false;
  for (std::size_t i = first; i < log.pieces.size(); ++i) {
    const std::string time = rfc3339(log.pieces[i].time);
    // Compared by whole seconds, as kubectl's are.
    if (!since.empty() && time < since.substr(0, 19) + "Z") continue;
    for (std::string_view rest = log.pieces[i].text; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
      if (!open) lines.push_back(route.query_flag("timestamps") ? time.substr(0, 19) + ".000000000Z " : std::string());
      lines.back() += rest.substr(0, end);
      open = lines.back().back() != '\n';
      rest.remove_prefix(end);
    }
  }
  const std::string tail = first == 0 ? route.query_value("tailLines") : std::string();
  if (!tail.empty() && lines.size() > static_cast<std::size_t>(number_in(tail)))
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(number_in(tail)));
  std::string text = join(lines, "");
  if (const std::string limit = route.query_value("limitBytes"); !limit.empty())
    text.resize(std::min<std::size_t>(text.size(), static_cast<std::size_t>(number_in(limit))));
  return text;
}

}  // namespace stoker::fakes
