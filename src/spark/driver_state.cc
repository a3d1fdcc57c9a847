#include "spark/driver_state.h"

#include <algorithm>
#include <array>

#include "resources/object.h"

namespace stoker::spark {

namespace {

using resources::list_in;
using resources::object_in;
using resources::text_in;

// The status of the container of that name, or none.
const json::object* status_of(const json::object& pod_status, std::string_view container) {
  for (const json::value& status : list_in(pod_status, "containerStatuses"))
    if (status.is_object() && text_in(status.get_object(), "name") == container) return &status.get_object();
  return nullptr;
}

// A condition that is so ("True") or not so ("False"), or none.
const json::object* condition(const json::object& pod_status, std::string_view type, std::string_view status) {
  for (const json::value& row : list_in(pod_status, "conditions"))
    if (row.is_object() && text_in(row.get_object(), "type") == type && text_in(row.get_object(), "status") == status)
      return &row.get_object();
  return nullptr;
}

constexpr const char* kDeleted = "Deleted";
constexpr const char* kDeletedMessage = "somebody deleted the driver's pod";

// Kubelet's words for what waiting does not heal.
constexpr std::array<std::string_view, 2> kHopeless = {"InvalidImageName", "ErrImageNeverPull"};
// What is said of a container that simply has not begun.
constexpr std::array<std::string_view, 2> kNothingToSay = {"ContainerCreating", "PodInitializing"};

void take_waiting(const json::object& waiting, DriverState& state) {
  const std::string reason = text_in(waiting, "reason");
  if (std::ranges::find(kNothingToSay, reason) != kNothingToSay.end()) return;
  state.reason = reason;
  state.message = text_in(waiting, "message");
  state.hopeless = std::ranges::find(kHopeless, reason) != kHopeless.end();
}

// The cluster ended the pod, whatever the container's last code.
bool ended_by_cluster(const json::object& pod_status, DriverState& state) {
  if (const json::object* target = condition(pod_status, "DisruptionTarget", "True")) {
    state.reason = text_in(*target, "reason");
    state.message = text_in(*target, "message");
  }
  // Pods that kubelet or a controller ends have a reason of their own (Evicted, NodeLost, Preempting, Shutdown,
  // DeadlineExceeded, UnexpectedAdmissionError); one whose container just ended has none.
  if (const std::string reason = text_in(pod_status, "reason"); !reason.empty()) {
    state.reason = reason;
    state.message = text_in(pod_status, "message");
  }
  return !state.reason.empty();
}

void take_end(const json::object& terminated, const json::object& pod_status, bool is_deleted, DriverState& state) {
  const auto code = static_cast<int>(resources::number_in(terminated, "exitCode"));
  const auto signal = static_cast<int>(resources::number_in(terminated, "signal"));
  state.phase = code == 0 && signal == 0 ? DriverPhase::succeeded : DriverPhase::failed;
  state.has_log = true;
  if (state.phase == DriverPhase::failed && ended_by_cluster(pod_status, state)) return;
  constexpr int kSignalBase = 128;
  state.exit_code = signal != 0 ? kSignalBase + signal : code;
  // Kubelet ends a deleted pod by SIGTERM, then SIGKILL.
  constexpr std::array<int, 2> kEndedByKubelet = {kSignalBase + 15, kSignalBase + 9};
  if (is_deleted && std::ranges::find(kEndedByKubelet, *state.exit_code) != kEndedByKubelet.end()) {
    state.exit_code.reset();
    state.reason = kDeleted;
    state.message = kDeletedMessage;
    return;
  }
  if (const std::string reason = text_in(terminated, "reason"); reason != "Completed" && reason != "Error")
    state.reason = reason;
  state.message = text_in(terminated, "message");
}

}  // namespace

std::string_view driver_phase_name(DriverPhase phase) {
  switch (phase) {
    case DriverPhase::waiting: return "waiting";
    case DriverPhase::running: return "running";
    case DriverPhase::succeeded: return "succeeded";
    case DriverPhase::failed: return "failed";
  }
  return "";
}

std::string driver_container_name(const json::object& pod) {
  std::string last;
  for (const json::value& container : list_in(object_in(pod, "spec"), "containers")) {
    if (!container.is_object()) continue;
    last = text_in(container.get_object(), "name");
    if (last == kDriverContainer) return last;
  }
  return last;
}

DriverState driver_state(const json::object& pod) {
  DriverState state;
  const json::object& status = object_in(pod, "status");
  state.node = text_in(object_in(pod, "spec"), "nodeName");
  const json::object* container = status_of(status, driver_container_name(pod));
  const json::object its_state = container != nullptr ? object_in(*container, "state") : json::object();
  // With sidecars the pod goes on when the driver has ended; the driver is what counts.
  if (its_state.contains("terminated")) {
    take_end(object_in(its_state, "terminated"), status, !resources::metadata_text(pod, "deletionTimestamp").empty(),
             state);
    return state;
  }
  const std::string phase = text_in(status, "phase");
  if (phase == "Failed" || phase == "Succeeded") {
    state.phase = phase == "Failed" ? DriverPhase::failed : DriverPhase::succeeded;
    ended_by_cluster(status, state);
    if (state.phase == DriverPhase::succeeded) state.exit_code = 0;
    return state;
  }
  if (its_state.contains("running")) {
    state.phase = DriverPhase::running;
    state.has_log = true;
    return state;
  }
  if (const json::object* unscheduled = condition(status, "PodScheduled", "False")) {
    state.reason = text_in(*unscheduled, "reason");
    state.message = text_in(*unscheduled, "message");
    return state;
  }
  // An init container that cannot start keeps the driver waiting too.
  for (const json::value& init : list_in(status, "initContainerStatuses"))
    if (init.is_object()) take_waiting(object_in(object_in(init.get_object(), "state"), "waiting"), state);
  if (state.reason.empty()) take_waiting(object_in(its_state, "waiting"), state);
  return state;
}

DriverState after_deletion(const json::object& last) {
  DriverState state = driver_state(last);
  if (state.ended()) return state;
  state.phase = DriverPhase::failed;
  state.reason = kDeleted;
  state.message = kDeletedMessage;
  return state;
}

}  // namespace stoker::spark
