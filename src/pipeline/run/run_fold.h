// RunFold: the rows of a run, recomputed from its events alone. What the machine writes must equal it after every
// input; the tests hold it to that, and `doctor` may hold a store to it.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "pipeline/run/run_state.h"

namespace stoker::pipeline {

class RunFold {
 public:
  // Errors: an event out of order, or one that cannot follow the state before it (a finished step that starts).
  Result<void> apply(const RunEvent& event);

  const RunRow& run() const { return run_; }
  const std::map<std::string, StepRow>& steps() const { return steps_; }
  const std::map<std::pair<std::string, int>, AttemptRow>& attempts() const { return attempts_; }

 private:
  void apply_run(const RunEvent& event);
  Result<void> apply_step(const RunEvent& event);
  void end_attempt(const RunEvent& event, StepRow& row, AttemptState state);

  RunRow run_;
  std::map<std::string, StepRow> steps_;
  std::map<std::pair<std::string, int>, AttemptRow> attempts_;
};

// The first difference between rows in what events explain, for people; "" when there is none.
std::string difference(const StepRow& a, const StepRow& b);
std::string difference(const RunRow& a, const RunRow& b);
std::string difference(const AttemptRow& a, const AttemptRow& b);

}  // namespace stoker::pipeline
