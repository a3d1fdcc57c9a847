// CommandAttempt: a `command` step, and a `spark` step as spark-submit on this machine.
#pragma once

#include "local/steps/process_attempt.h"

namespace stoker::local {

// A command made ready: what runs, where, and what its standard input is.
struct CommandPlan {
  std::vector<std::string> argv;
  std::filesystem::path working_directory;
  std::optional<std::string> input;
  runtime::Environment environment;  // beyond the attempt's own
  std::string script;                // written to <attempt>/script, whose path is appended to argv
  std::vector<std::string> notes;    // said once to those who follow
};

class CommandAttempt : public ProcessAttempt {
 public:
  using ProcessAttempt::ProcessAttempt;
  void begin() override;

 protected:
  virtual Result<CommandPlan> plan() const;
  Collector collector(AttemptEnd end) override;
  json::object invocation_part() const override;
  // Also where relative output paths start.
  std::filesystem::path working_directory_;

 private:
  Result<void> launch();
  Result<runtime::Fd> open_input(const CommandPlan& command) const;
};

}  // namespace stoker::local
