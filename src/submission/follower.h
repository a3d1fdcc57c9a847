// Follows one driver to its end: its states, why it does not start, its log.
//
// Watches of the pod and of its events and the reading of the log block on threads of their own; what they bring is
// posted to one loop on the caller's thread, where all decisions are.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kube/client.h"
#include "runtime/stop.h"
#include "spark/driver_state.h"
#include "submission/start_problem.h"

namespace stoker::submission {

struct FollowOptions {
  bool with_log = false;
  std::optional<std::int64_t> tail_lines;  // of the log, only its last lines and what comes
  // After so long without anybody looking at the pod that is said.
  std::chrono::milliseconds until_nobody_schedules{10'000};
  // A problem that waiting seldom heals ends the following after so long.
  std::chrono::milliseconds patience{60'000};
  // Between tries of a watch or a log that broke.
  std::chrono::milliseconds retry_delay{1'000};
  // For the rest of the log after the end, when nothing of it comes.
  std::chrono::milliseconds time_for_log{30'000};
};

// Who follows hears of things here, on the thread that follows; but on_log comes from another one, and never after
// follow() has returned.
class FollowListener {
 public:
  virtual ~FollowListener() = default;
  virtual void on_state(const spark::DriverState& state) = 0;
  virtual void on_problem(const StartProblem& problem) = 0;
  // The cluster does not answer for now, or the log cannot be read.
  virtual void on_trouble(const Error& error) = 0;
  // May wait for whoever reads, until it is stopped.
  virtual void on_log(std::string_view line, const runtime::StopToken& stop) = 0;
};

// Where a driver is; `uid` so that another of the same name is not taken for it.
struct DriverPod {
  std::string namespace_name;
  std::string name;
  std::string uid;
};

struct Ending {
  spark::DriverState state;             // succeeded or failed, or waiting when it was given up (patience, hopeless)
  std::optional<StartProblem> problem;  // that it was given up for
  // What kept the log from being read to its end; the listener has heard of it.
  std::optional<Error> log_trouble;

  std::string why_it_does_not_start() const { return problem ? problem->text : state.reason; }
};

// Servers that are away are waited for. Errors: the context's, and refusals (permission).
Result<Ending> follow(const runtime::Context& context, const kube::Client& client, const DriverPod& driver,
                      const FollowOptions& options, FollowListener& listener);

}  // namespace stoker::submission
