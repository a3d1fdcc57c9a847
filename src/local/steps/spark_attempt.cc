#include "local/steps/spark_attempt.h"

#include <utility>

#include "local/steps/spark_application.h"

namespace stoker::local {

Result<CommandPlan> SparkApplicationAttempt::plan() const {
  const auto& spark = std::get<pipeline::SparkStep>(spec_.step->body);
  TRY_ASSIGN(PythonFacts python, python_.facts(*spec_.run));
  const auto& environment = services_.options.environment;
  TRY_ASSIGN(auto home, find_spark_home(environment, python));
  TRY_ASSIGN(SparkApplicationPlan application, plan_spark_application(spark.manifest, home, spec_.run->project_root));
  CommandPlan plan;
  plan.working_directory = files().scratch;
  plan.argv = {(home / "bin" / "spark-submit").string()};
  plan.argv.insert(plan.argv.end(), application.arguments.begin(), application.arguments.end());
  plan.environment = std::move(application.environment);
  plan.environment["SPARK_HOME"] = home.string();
  plan.environment["PYSPARK_PYTHON"] = python.executable.string();
  plan.environment["PYSPARK_DRIVER_PYTHON"] = python.executable.string();
  // Without it Spark looks up the name of the machine, which needs a network.
  if (!environment.contains("SPARK_LOCAL_IP")) plan.environment["SPARK_LOCAL_IP"] = "127.0.0.1";
  if (!application.note.empty()) plan.notes.push_back(std::move(application.note));
  return plan;
}

json::object SparkApplicationAttempt::invocation_part() const {
  return {{"kind", "spark"}, {"manifest", std::get<pipeline::SparkStep>(spec_.step->body).manifest}};
}

}  // namespace stoker::local
