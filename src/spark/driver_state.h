// What a driver's pod says of the application. Pure: the pod's document in, facts out. It serves drivers made by
// Stoker, spark-submit and the Kubeflow operator alike.
//
//   waiting ──▶ running ──▶ succeeded | failed
//      └──────────────────────────────▶ failed      lost: deleted, evicted, preempted, its node gone
#pragma once

#include <optional>
#include <string>

#include "codec/json.h"

namespace stoker::spark {

inline constexpr std::string_view kDriverContainer = "spark-kubernetes-driver";

enum class DriverPhase { waiting, running, succeeded, failed };
std::string_view driver_phase_name(DriverPhase phase);

struct DriverState {
  DriverPhase phase = DriverPhase::waiting;
  std::string node;
  // Of the driver's container when it ended by itself: 128 + n for signal n. None: it never ran, or the cluster ended
  // it.
  std::optional<int> exit_code;
  // One word of Kubernetes (ImagePullBackOff, Unschedulable, OOMKilled, Evicted, Deleted) and its sentence; "" when
  // there is nothing to say.
  std::string reason;
  std::string message;
  // It will not start whatever one waits: an image's name that is none, an image that may not be pulled.
  bool hopeless = false;
  // There is a log to read.
  bool has_log = false;

  bool ended() const { return phase == DriverPhase::succeeded || phase == DriverPhase::failed; }
  friend bool operator==(const DriverState&, const DriverState&) = default;
};

// The container that runs Spark: by Spark's name for it, else the last, where Spark puts it.
std::string driver_container_name(const json::object& pod);

DriverState driver_state(const json::object& pod);
// After the pod was deleted: what it last said, when that was an end; else that somebody deleted it.
DriverState after_deletion(const json::object& last);

}  // namespace stoker::spark
