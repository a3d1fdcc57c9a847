// Why a driver's pod does not start, in words. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "codec/json.h"
#include "spark/driver_state.h"

namespace stoker::submission {

struct StartProblem {
  std::string reason;  // Kubernetes' word
  std::string text;    // a sentence
  std::string hint;
  // Waiting alone seldom heals it: after a while of the same the submission is given up.
  bool likely_final = false;
  friend bool operator==(const StartProblem&, const StartProblem&) = default;
};

// From what the pod says of itself; none when it runs or just has not started yet.
std::optional<StartProblem> problem_of_pod(const json::object& pod, const spark::DriverState& state);
// From an Event about the pod; none for what is no problem.
std::optional<StartProblem> problem_of_event(const json::object& event);
// From an Event about the pod: the node has come further, so that an older event's problem is over.
bool is_progress(const json::object& event);
// When an Event was seen last; none when it says nothing.
std::optional<WallTime> time_of_event(const json::object& event);
// Nobody has looked at the pod since it was made.
StartProblem nobody_schedules(const json::object& pod);

}  // namespace stoker::submission
