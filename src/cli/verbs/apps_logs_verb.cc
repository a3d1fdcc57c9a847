#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "base/strings.h"
#include "cli/cluster.h"
#include "cli/log_printer.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/verbs/verbs.h"
#include "resources/object.h"
#include "runtime/stop.h"
#include "submission/applications.h"
#include "submission/follower.h"
#include "submission/log_reader.h"

namespace stoker::cli {

namespace {

constexpr int kTriesOfALog = 5;

// The log to standard output, all else to standard error.
class LogListener final : public submission::FollowListener {
 public:
  LogListener(std::string name, LogPrinter& printer) : name_(std::move(name)), printer_(printer) {}
  void on_state(const spark::DriverState&) override {}
  void on_problem(const submission::StartProblem& problem) override {
    say(fmt::format("{} waits: {}", name_, problem.text));
    if (!problem.hint.empty()) say("  " + problem.hint);
  }
  void on_trouble(const Error& error) override { warn(error.describe()); }
  void on_log(std::string_view line, const runtime::StopToken& stop) override { printer_.print(line, stop); }

 private:
  std::string name_;
  LogPrinter& printer_;
};

Result<json::object> find_executor(const runtime::Context& context, const kube::Client& client,
                                   const submission::Application& application, const std::string& id) {
  TRY_ASSIGN(const auto executors, submission::list_executors(context, client, application));
  std::vector<std::string> ids;
  for (const json::object& pod : executors) {
    ids.push_back(resources::label_of(pod, submission::kExecutorIdLabel));
    if (ids.back() == id) return pod;
  }
  return Error{.code = ErrorCode::not_found,
               .message = fmt::format("{} has no executor {}", application.describe(), id),
               .hint = ids.empty() ? "it has none; Spark removes executors that have ended, unless "
                                     "spark.kubernetes.executor.deleteOnTermination=false"
                                   : "it has " + join(ids, ", ")};
}

Result<int> follow_log(const runtime::Context& context, const kube::Client& client, const json::object& pod,
                       const AppsLogsCommand& command, LogPrinter& printer) {
  const submission::DriverPod place{.namespace_name = resources::metadata_text(pod, "namespace"),
                                    .name = std::string(resources::name_of(pod)),
                                    .uid = resources::metadata_text(pod, "uid")};
  LogListener listener(fmt::format("{}/{}", place.namespace_name, place.name), printer);
  TRY_ASSIGN(const submission::Ending ending,
             submission::follow(context, client, place, {.with_log = true, .tail_lines = command.tail}, listener));
  if (ending.log_trouble) return *ending.log_trouble;
  if (ending.state.ended()) return 0;
  return Error{.code = ErrorCode::run_failed,
               .message = fmt::format("{}/{} does not start: {}", place.namespace_name, place.name,
                                      ending.why_it_does_not_start())};
}

Result<int> print_log(const runtime::Context& context, const kube::Client& client, const json::object& pod,
                      const AppsLogsCommand& command, LogPrinter& printer) {
  const std::string name = fmt::format("{}/{}", resources::metadata_text(pod, "namespace"), resources::name_of(pod));
  const spark::DriverState state = spark::driver_state(pod);
  if (!state.has_log && state.phase == spark::DriverPhase::waiting)
    return Error{.code = ErrorCode::run_failed,
                 .message = fmt::format("{} has no log yet: it is {}", name, submission::state_text(state)),
                 .hint = fmt::format("stoker apps show {} says why; --follow waits for it", name)};
  submission::LogReader reader(
      client, {.previous = command.previous, .tail_lines = command.tail, .maximum_failures = kTriesOfALog},
      [&](std::string_view line) { printer.print(line, context.stop); });
  reader.container_ended();  // no more is wanted than there is
  TRY(reader.run(context, {.namespace_name = resources::metadata_text(pod, "namespace"),
                           .pod = std::string(resources::name_of(pod)),
                           .container = spark::driver_container_name(pod)}));
  return 0;
}

}  // namespace

Result<int> run_apps_logs(const Program& program, const AppsLogsCommand& command) {
  TRY_ASSIGN(const auto cluster, open_cluster(program, command.where));
  const kube::Client& client = cluster->client();
  runtime::StopSource stop;
  const runtime::Context context{.deadline = {}, .stop = stop.get_token()};
  const SignalWatch signals([&](int) { stop.request_stop(); });
  TRY_ASSIGN(submission::Application application,
             submission::find_application(context, client, namespace_of(command.where, *cluster), command.app));
  json::object pod = std::move(application.driver);
  if (command.executor) {
    TRY_ASSIGN(pod, find_executor(context, client, application, *command.executor));
  }
  LogPrinter printer(STDOUT_FILENO, [stop](const Error&) mutable { stop.request_stop(); });
  auto code = command.follow ? follow_log(context, client, pod, command, printer)
                             : print_log(context, client, pod, command, printer);
  TRY(printer.finish(context.stop));
  // Whoever ends it by Ctrl-C needs no words.
  if (!code && code.error().code == ErrorCode::cancelled) return exit_code(ErrorCode::cancelled);
  return code;
}

}  // namespace stoker::cli
