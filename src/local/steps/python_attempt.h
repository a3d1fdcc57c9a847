// PythonAttempt: a `python` step: forked from the host or started afresh, with a leased JVM when it is a Spark step.
#pragma once

#include "local/steps/process_attempt.h"
#include "local/steps/python_service.h"

namespace stoker::local {

class PythonAttempt final : public ProcessAttempt {
 public:
  PythonAttempt(engine::AttemptSpec spec, engine::AttemptEvents& events, LocalServices& services, Done done,
                PythonService& python)
      : ProcessAttempt(std::move(spec), events, services, std::move(done)), python_(python) {}
  ~PythonAttempt() override;
  void begin() override;

 protected:
  Collector collector(AttemptEnd end) override;
  void release(engine::AttemptResult result, const std::function<void(engine::AttemptResult)>& done) override;
  json::object invocation_part() const override;

 private:
  const pipeline::PythonStep& body() const { return std::get<pipeline::PythonStep>(spec_.step->body); }
  std::filesystem::path module_file() const;
  bool needs_spark() const { return body().session.has_value(); }

  Result<void> write_pickle() const;
  // The start needs the host, and the JVM for Spark steps; both are had at the same time, and the last one launches.
  void lease();
  void leased(const std::shared_ptr<Result<std::unique_ptr<SparkLease>>>& lease);
  void host_ready(Result<PythonStart> start);
  void launch_when_ready();
  Result<void> launch();
  Result<void> launch_fresh(runtime::Environment environment);
  void launch_forked(runtime::Environment environment);
  Result<runtime::Environment> spark_environment() const;
  void watch_result();
  void look_for_result();

  PythonService& python_;
  PythonFacts facts_;
  std::optional<PythonStart> start_;
  std::shared_ptr<SparkLease> lease_;
  bool lease_pending_ = false;
  runtime::StopSource lease_stop_;
  runtime::WatchId result_watch_ = runtime::WatchId::none;
};

}  // namespace stoker::local
