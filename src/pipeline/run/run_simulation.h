// For tests: a run without a world. It answers the machine's commands, keeps what was "stored", lets a script say how
// attempts end, and checks after every input what must always hold: fold(events) == rows, ended steps stay ended, no
// attempt starts twice.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pipeline/run/run_fold.h"
#include "pipeline/run/run_machine.h"
#include "pipeline/run/run_values.h"

namespace stoker::pipeline::testing {

// How one try of an instance ends.
struct TryOutcome {
  bool succeeded = true;
  FailureClass failure_class = FailureClass::user_code;
  bool hangs = false;    // runs until it is cancelled
  json::object outputs;  // name -> value
  bool typed = false;    // the artifacts of the outputs have types that the values lack
};

class Simulation {
 public:
  struct Options {
    MachineOptions machine;
    json::object parameters;
    std::set<std::string> cached;  // paths that hit
    // The outcome of try number `tried` (from 0; lost attempts are not counted) of the instance.
    std::function<TryOutcome(const std::string& path, int tried)> outcome = [](const std::string&, int) {
      return TryOutcome{};
    };
    // Crash and restore before every n-th input; 0: never.
    int crash_every = 0;
  };
  struct Running {
    std::string path;
    InstanceId instance;
    int attempt;
    bool cancelled = false;
  };

  Simulation(const std::shared_ptr<const Document>& document, Options options);

  void start();
  void give(const Input& input);
  void crash(ResumeMode mode = ResumeMode::unfinished);
  // Ends a running attempt as its script says (cancelled ones as cancelled); false: none such, or it hangs.
  bool finish(const std::string& path);
  bool finish_next();
  bool fire_retry();
  bool fire_retry(const std::string& path);
  // Until nothing moves any more.
  void run_to_end();
  void time_out(const std::string& path);
  // Time passes while the engine lives: what is due happens.
  void pass(Duration time);
  // The wall clock is set; nothing else notices.
  void jump(Duration by) { now_.wall += by; }
  // The engine dies; after `time` another one takes over.
  void down(Duration time);

  bool ended() const { return is_terminal(run.state); }
  std::map<std::string, std::string> states() const;

  // What was stored.
  RunRow run;
  std::map<std::string, StepRow> steps;
  std::map<std::pair<std::string, int>, AttemptRow> attempts;
  std::vector<RunEvent> events;
  // What happened.
  std::vector<std::string> dispatched;  // "a/1"
  std::vector<std::string> commands;    // "cancel a/1", "cancel! a/1", "retry a 1000ms", "finish"
  std::vector<std::string> problems;    // what must not be
  std::deque<Running> running;
  std::size_t most_running = 0;
  std::map<std::string, json::object> inputs;             // resolved, of each dispatched path
  std::map<std::string, std::vector<std::string>> words;  // of each dispatched command, evaluated

  const RunMachine& machine() const { return *machine_; }

 private:
  void tick(Duration time);
  void settle();
  void carry_out(const Command& command);
  void store(Changes changes);
  void check_fold();
  StepResultPtr result_for(const std::string& path, const TryOutcome& outcome) const;
  void problem(std::string text) { problems.push_back(std::move(text)); }

  std::shared_ptr<const RunPlan> plan_;
  Options options_;
  std::unique_ptr<RunMachine> machine_;
  std::unique_ptr<RunValues> values_;
  RunFold fold_;
  std::vector<InstanceId> backing_off_;
  struct Due {
    Duration at;  // of this engine's time
    Input input;
  };
  std::vector<Due> due_;
  Moment now_{.wall = WallTime(std::chrono::milliseconds(1767225600000))};
  int inputs_ = 0;
};

}  // namespace stoker::pipeline::testing
