#include "cli/program.h"

#include <fmt/format.h>

#include "base/overloaded.h"
#include "cli/command_line.h"
#include "cli/completion.h"
#include "cli/verbs.h"

namespace stoker::cli {

std::optional<std::string> Program::variable(std::string_view name) const {
  for (const auto& entry : environment) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  }
  return std::nullopt;
}

void print_error(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.describe());
  if (!error.hint.empty()) fmt::print(stderr, "{}\n", error.hint);
}

namespace {

Result<int> dispatch(const Program& program, const Command& command) {
  const auto& common = command.common;
  return std::visit(overloaded{
                        [&](const HelpCommand& help) -> Result<int> {
                          fmt::print("{}", help.text);
                          return 0;
                        },
                        [&](const VersionCommand&) -> Result<int> {
                          if (common.json) {
                            fmt::print("{{\"version\":\"{}\"}}\n", STOKER_VERSION);
                          } else {
                            fmt::print("stoker {}\n", STOKER_VERSION);
                          }
                          return 0;
                        },
                        [&](const CompletionCommand& completion) -> Result<int> {
                          TRY_ASSIGN(const auto script, completion_script(completion.shell));
                          fmt::print("{}", script);
                          return 0;
                        },
                        [&](const InitCommand& verb) { return run_init(program, common, verb); },
                        [&](const RunsListCommand& verb) { return run_runs_list(program, common, verb); },
                        [&](const RunsShowCommand& verb) { return run_runs_show(program, common, verb); },
                        [&](const RunsLogsCommand& verb) { return run_runs_logs(program, common, verb); },
                        [&](const RunsDeleteCommand& verb) { return run_runs_delete(program, common, verb); },
                        [&](const ArtifactsListCommand& verb) { return run_artifacts_list(program, common, verb); },
                        [&](const ArtifactsShowCommand& verb) { return run_artifacts_show(program, common, verb); },
                        [&](const ArtifactsPathCommand& verb) { return run_artifacts_path(program, common, verb); },
                        [&](const GcCommand& verb) { return run_gc(program, common, verb); },
                        [&](const CacheListCommand& verb) { return run_cache_list(program, common, verb); },
                        [&](const CacheExplainCommand& verb) { return run_cache_explain(program, common, verb); },
                        [&](const CacheInvalidateCommand& verb) { return run_cache_invalidate(program, common, verb); },
                        [&](const auto&) -> Result<int> {
                          return Error{.code = ErrorCode::unsupported, .message = "this verb is not there yet"};
                        },
                    },
                    command.verb);
}

}  // namespace

int run_program(const Program& program, const std::vector<std::string>& arguments) {
  auto command = parse_command_line(arguments);
  if (!command.ok()) {
    print_error(command.error());
    return exit_code(command.error().code);
  }
  auto outcome = dispatch(program, command.value());
  if (outcome.ok()) return outcome.value();
  print_error(outcome.error());
  return exit_code(outcome.error().code);
}

}  // namespace stoker::cli
