#include "cli/program.h"

#include "base/overloaded.h"
#include "cli/command_line.h"
#include "cli/completion.h"
#include "cli/output.h"
#include "cli/verbs/verbs.h"
#include "net/url.h"

namespace stoker::cli {

std::optional<std::string> Program::variable(std::string_view name) const {
  const auto it = environment.find(std::string(name));
  return it == environment.end() ? std::nullopt : std::optional(it->second);
}

void print_error(const Error& error) {
  say("error: " + net::without_password(error.describe()));
  if (!error.hint.empty()) say(net::without_password(error.hint));
}

namespace {

Result<int> dispatch(const Program& program, const Command& command) {
  const auto& common = command.common;
  return std::visit(overloaded{
                        [&](const HelpCommand& help) -> Result<int> {
                          print(help.text);
                          return 0;
                        },
                        [&](const VersionCommand&) -> Result<int> {
                          if (common.json) {
                            print_json(json::object{{"version", STOKER_VERSION}});
                          } else {
                            print("stoker " STOKER_VERSION "\n");
                          }
                          return 0;
                        },
                        [&](const CompletionCommand& completion) -> Result<int> {
                          TRY_ASSIGN(const auto script, completion_script(completion.shell));
                          print(script);
                          return 0;
                        },
                        [&](const RunCommand& verb) { return run_run(program, common, verb); },
                        [&](const CompileCommand& verb) { return run_compile(program, common, verb); },
                        [&](const ValidateCommand& verb) { return run_validate(program, common, verb); },
                        [&](const RunsListCommand& verb) { return run_runs_list(program, common, verb); },
                        [&](const RunsShowCommand& verb) { return run_runs_show(program, common, verb); },
                        [&](const RunsLogsCommand& verb) { return run_runs_logs(program, common, verb); },
                        [&](const RunsResumeCommand& verb) { return run_runs_resume(program, common, verb); },
                        [&](const RunsCancelCommand& verb) { return run_runs_cancel(program, common, verb); },
                        [&](const RunsDeleteCommand& verb) { return run_runs_delete(program, common, verb); },
                        [&](const ArtifactsListCommand& verb) { return run_artifacts_list(program, common, verb); },
                        [&](const ArtifactsShowCommand& verb) { return run_artifacts_show(program, common, verb); },
                        [&](const ArtifactsPathCommand& verb) { return run_artifacts_path(program, common, verb); },
                        [&](const CacheListCommand& verb) { return run_cache_list(program, common, verb); },
                        [&](const CacheExplainCommand& verb) { return run_cache_explain(program, common, verb); },
                        [&](const CacheInvalidateCommand& verb) { return run_cache_invalidate(program, common, verb); },
                        [&](const WorkersListCommand& verb) { return run_workers_list(program, common, verb); },
                        [&](const WorkersStopCommand& verb) { return run_workers_stop(program, common, verb); },
                        [&](const WorkersPrepareCommand& verb) { return run_workers_prepare(program, common, verb); },
                        [&](const GcCommand& verb) { return run_gc(program, common, verb); },
                        [&](const InitCommand& verb) { return run_init(program, common, verb); },
                        [&](const SubmitCommand& verb) { return run_submit(program, verb); },
                        [&](const AppsListCommand& verb) { return run_apps_list(program, common, verb); },
                        [&](const AppsShowCommand& verb) { return run_apps_show(program, common, verb); },
                        [&](const AppsLogsCommand& verb) { return run_apps_logs(program, verb); },
                        [&](const AppsEventsCommand& verb) { return run_apps_events(program, common, verb); },
                        [&](const AppsKillCommand& verb) { return run_apps_kill(program, common, verb); },
                        [&](const AppsCleanupCommand& verb) { return run_apps_cleanup(program, common, verb); },
                        [&](const RbacCommand& verb) { return run_rbac(common, verb); },
                        [&](const DoctorCommand& verb) { return run_doctor(program, common, verb); },
                    },
                    command.verb);
}

}  // namespace

int run_program(const Program& program, const std::vector<std::string>& arguments) {
  // The JVM pool's daemon is started with words of its own, which are no user's.
  if (arguments.size() >= 2 && arguments[0] == "workers" && arguments[1] == "serve") {
    const auto served = run_workers_serve(program, {arguments.begin() + 2, arguments.end()});
    if (!served.ok()) print_error(served.error());
    return served.ok() ? served.value() : exit_code(served.error().code);
  }
  auto command = parse_command_line(arguments);
  if (!command.ok()) {
    print_error(command.error());
    return exit_code(command.error().code);
  }
  auto outcome = dispatch(program, command.value());
  if (outcome.ok()) {
    const auto written = written_out();
    if (written) return outcome.value();
    print_error(written.error());
    return outcome.value() == 0 ? exit_code(written.error().code) : outcome.value();
  }
  print_error(outcome.error());
  return exit_code(outcome.error().code);
}

}  // namespace stoker::cli
