#include <fmt/format.h>

#include "cli/interpreter.h"
#include "cli/output.h"
#include "cli/verbs/verbs.h"
#include "cli/view/run_view.h"
#include "local/host.h"
#include "workers/class_archive.h"
#include "workers/installation.h"
#include "workers/pool_client.h"
#include "workers/pool_daemon.h"

namespace stoker::cli {

namespace {

constexpr std::chrono::seconds kAnswerLimit{10};

Result<workers::PoolClient> client_of(const Program& program) {
  TRY_ASSIGN(auto paths, workers::PoolPaths::prepare(program.environment));
  return workers::PoolClient(std::move(paths), {program.executable.string(), "workers", "serve"}, program.clock);
}

}  // namespace

Result<int> run_workers_list(const Program& program, const CommonOptions& common, const WorkersListCommand&) {
  TRY_ASSIGN(auto client, client_of(program));
  TRY_ASSIGN(const auto list, client.list({.deadline = runtime::Deadline::after(program.clock, kAnswerLimit)}));
  Table table({"PID", "STATE", "SPARK", "JAVA", "PROFILE", "LEASES", "IDLE", "CPU", "MEMORY", "PROJECT"});
  json::array rows;
  for (const auto& worker : list) {
    rows.push_back(workers::to_json(worker));
    table.add({std::to_string(worker.pid), worker.state, worker.spark_version, worker.java_version, worker.profile,
               std::to_string(worker.leases), human_duration(worker.idle), human_duration(worker.cpu),
               human_bytes(static_cast<double>(worker.rss_bytes)), worker.project.string()});
  }
  if (common.json) {
    print_json(rows);
  } else if (table.empty()) {
    print("no warm JVMs\n");
  } else {
    print_table(table);
  }
  return 0;
}

Result<int> run_workers_stop(const Program& program, const CommonOptions& common, const WorkersStopCommand& command) {
  TRY_ASSIGN(auto client, client_of(program));
  TRY_ASSIGN(const auto report,
             client.stop(command.force, {.deadline = runtime::Deadline::after(program.clock, kAnswerLimit)}));
  if (common.json) {
    print_json(json::object{{"ended", report.ended}, {"busy", report.busy}});
  } else {
    print(fmt::format("ended {} JVM{}{}\n", report.ended, report.ended == 1 ? "" : "s",
                      report.busy > 0 ? fmt::format("; {} more end with their step", report.busy) : ""));
  }
  return 0;
}

Result<int> run_workers_prepare(const Program& program, const CommonOptions&, const WorkersPrepareCommand& command) {
  const auto& environment = program.environment;
  TRY_ASSIGN(const auto paths, workers::PoolPaths::prepare(environment));
  TRY_ASSIGN(const auto interpreter, find_python(program, command.python, program.working_directory));
  TRY_ASSIGN(const auto sdk, program.sdk_folder());
  TRY_ASSIGN(const auto python, inspect_python(program, interpreter));
  TRY_ASSIGN(const auto spark_home, local::find_spark_home(environment, python));
  TRY_ASSIGN(const auto java, workers::find_java(environment));
  workers::LeaseRequest request;
  request.project = program.working_directory;
  request.working_directory = program.working_directory;
  request.java = java.executable;
  request.spark_home = spark_home;
  request.python = interpreter.path;
  request.environment = local::with_sdk(environment, python.has_stoker ? std::filesystem::path() : sdk);
  print(fmt::format("running a small job once with Java {} and {}; this takes up to a minute\n", java.version,
                    spark_home.string()));
  std::fflush(stdout);
  TRY_ASSIGN(const auto archive, workers::make_class_archive(request, paths.jvms, {}, program.clock));
  print("made " + archive.string() + "\n");
  return 0;
}

Result<int> run_workers_serve(const Program& program, const std::vector<std::string>& arguments) {
  TRY_ASSIGN(auto paths, workers::PoolPaths::prepare(program.environment));
  TRY_ASSIGN(const auto serve, workers::parse_serve_arguments(arguments, std::move(paths)));
  if (serve.foreground) {
    TRY(workers::run_pool_daemon(serve.options, {}, program.clock));
  } else {
    TRY(workers::start_pool_daemon(serve.options, program.clock));
  }
  return 0;
}

}  // namespace stoker::cli
