#include "submission/start_problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/time.h"
#include "resources/object.h"

namespace stoker::submission {

namespace {

struct Row {
  std::string_view reason;
  std::string_view text;  // what Kubernetes says follows
  std::string_view hint;
  bool likely_final = false;
};

// Reasons of containers and of Events (kubelet and scheduler of Kubernetes 1.33).
constexpr std::array kRows = {
    Row{"Unschedulable", "no node takes the driver",
        "kubectl describe nodes shows what is free; ask for less, or wait"},
    Row{"FailedScheduling", "no node takes the driver",
        "kubectl describe nodes shows what is free; ask for less, or wait"},
    Row{"SchedulingGated", "something holds the driver back from being scheduled",
        "whoever set the pod's scheduling gates"},
    Row{"ErrImagePull", "the image cannot be pulled",
        "is its name right, and may the node pull it? "
        "spark.kubernetes.container.image.pullSecrets names secrets for that",
        true},
    Row{"ImagePullBackOff", "the image cannot be pulled",
        "is its name right, and may the node pull it? "
        "spark.kubernetes.container.image.pullSecrets names secrets for that",
        true},
    Row{"InvalidImageName", "the image's name is none", "spark.kubernetes.container.image says it", true},
    Row{"ErrImageNeverPull", "the node does not have the image, and must not pull it",
        "spark.kubernetes.container.image.pullPolicy=IfNotPresent lets it", true},
    Row{"CreateContainerConfigError", "the container cannot be set up", "make what is missing, or correct its name",
        true},
    Row{"CreateContainerError", "the container cannot be made", "", true},
    Row{"RunContainerError", "the container cannot be started", "is its command there in the image?", true},
    Row{"CrashLoopBackOff", "an init container fails again and again", "kubectl logs POD -c CONTAINER has its words",
        true},
    Row{"FailedMount", "a volume cannot be mounted", "make what is missing, or correct its name", true},
    Row{"FailedAttachVolume", "a volume cannot be attached", ""},
    Row{"FailedCreatePodSandBox", "the node cannot set up the pod", "kubectl describe pod shows more"},
};

std::optional<StartProblem> problem_of(std::string_view reason, std::string_view message) {
  for (const Row& row : kRows)
    if (row.reason == reason)
      return StartProblem{.reason = std::string(reason),
                          .text = message.empty() ? std::string(row.text) : fmt::format("{}: {}", row.text, message),
                          .hint = std::string(row.hint),
                          .likely_final = row.likely_final};
  return std::nullopt;
}

}  // namespace

std::optional<StartProblem> problem_of_pod(const json::object& pod, const spark::DriverState& state) {
  if (state.phase != spark::DriverPhase::waiting || state.reason.empty()) return std::nullopt;
  if (auto known = problem_of(state.reason, state.message)) return known;
  return StartProblem{.reason = state.reason,
                      .text = fmt::format("{}: {}", state.reason, state.message),
                      .hint = fmt::format("kubectl describe pod {} shows more", resources::name_of(pod)),
                      .likely_final = false};
}

std::optional<StartProblem> problem_of_event(const json::object& event) {
  if (resources::text_in(event, "type") != "Warning") return std::nullopt;
  const std::string reason = resources::text_in(event, "reason");
  // "Failed" is kubelet's for all that the container's own state says better.
  if (reason == "Failed" || reason == "BackOff") return std::nullopt;
  const std::string message = resources::text_in(event, "message");
  auto problem = problem_of(reason, message);
  // Nodes under load say that they were too slow to look, and mount a little later.
  if (problem && reason == "FailedMount") problem->likely_final = message.find("not found") != std::string::npos;
  return problem;
}

bool is_progress(const json::object& event) {
  // Kubelet's, in their order; a volume that could not be mounted comes before them.
  constexpr std::array<std::string_view, 4> kSteps = {"Pulling", "Pulled", "Created", "Started"};
  return resources::text_in(event, "type") == "Normal" &&
         std::ranges::find(kSteps, resources::text_in(event, "reason")) != kSteps.end();
}

std::optional<WallTime> time_of_event(const json::object& event) {
  for (const std::string& text :
       {resources::text_in(event, "lastTimestamp"),
        resources::text_in(resources::object_in(event, "series"), "lastObservedTime"),
        resources::text_in(event, "eventTime"), resources::metadata_text(event, "creationTimestamp")})
    if (const auto time = codec::parse_time(text)) return time.value();
  return std::nullopt;
}

StartProblem nobody_schedules(const json::object& pod) {
  const std::string scheduler = resources::text_in(resources::object_in(pod, "spec"), "schedulerName");
  return {.reason = "NotScheduled",
          .text = fmt::format("no scheduler has looked at the driver yet; it is for {}",
                              scheduler.empty() ? "the default one" : scheduler),
          .hint = "does that scheduler run? spark.kubernetes.scheduler.name says which",
          .likely_final = false};
}

}  // namespace stoker::submission
