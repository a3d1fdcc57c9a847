// SparkApplicationAttempt: a `spark` step as spark-submit in local mode.
#pragma once

#include "local/steps/command.h"
#include "local/steps/python_service.h"

namespace stoker::local {

class SparkApplicationAttempt final : public CommandAttempt {
 public:
  SparkApplicationAttempt(engine::AttemptSpec spec, engine::AttemptEvents& events, LocalServices& services, Done done,
                          PythonService& python)
      : CommandAttempt(std::move(spec), events, services, std::move(done)), python_(python) {}

 protected:
  Result<CommandPlan> plan() const override;
  json::object invocation_part() const override;

 private:
  PythonService& python_;
};

}  // namespace stoker::local
