#include "local/steps/command.h"

#include <fmt/format.h>

#include <utility>

#include "local/outputs.h"
#include "runtime/file.h"

namespace stoker::local {

namespace {

constexpr std::size_t kLogTail = 64 * 1024;

}  // namespace

void CommandAttempt::begin() {
  if (auto launched = launch(); !launched) fail(launched.error());
}

// Without a working directory of its own the step runs in its scratch folder: attempts that run again, or side by side,
// do not meet each other's files. `workingDirectory: .` is the project.
Result<CommandPlan> CommandAttempt::plan() const {
  const auto& command = std::get<pipeline::CommandStep>(spec_.step->body);
  CommandPlan plan;
  plan.working_directory = command.working_directory.empty()
                               ? files().scratch
                               : (spec_.run->project_root / command.working_directory).lexically_normal();
  if (!command.standard_input.empty()) plan.input = command.standard_input;
  if (!command.run.empty()) {
    plan.argv = command.run;
  } else {
    plan.argv = command.interpreter.empty() ? std::vector<std::string>{"sh", "-eu"} : command.interpreter;
    plan.script = command.script;
  }
  return plan;
}

Result<runtime::Fd> CommandAttempt::open_input(const CommandPlan& command) const {
  if (!command.input) return runtime::Fd();
  const auto path = spec_.attempt_folder / "stdin";
  TRY(runtime::write_file(path, *command.input));
  return runtime::open_file(path, runtime::OpenMode::read);
}

Result<void> CommandAttempt::launch() {
  TRY(prepare());
  TRY_ASSIGN(CommandPlan command, plan());
  for (const auto& line : command.notes)
    note(line);
  working_directory_ = command.working_directory;
  if (!command.script.empty()) {
    const auto script = spec_.attempt_folder / "script";
    TRY(runtime::write_file(script, command.script));
    command.argv.push_back(script.string());
  }
  TRY_ASSIGN(runtime::Fd input, open_input(command));
  runtime::ProcessSpec process;
  TRY_ASSIGN(process.environment, full_environment());
  for (auto& [name, value] : command.environment)
    process.environment->insert_or_assign(name, std::move(value));
  process.environment->insert_or_assign("STOKER_RESULT", files().result_lines.string());
  process.argv = std::move(command.argv);
  process.working_directory = command.working_directory;
  if (input.valid()) process.input = runtime::Stream::to(input.get());
  auto started = start(std::move(process));
  if (!started && started.error().code == ErrorCode::not_found) {
    // A program or folder of the user's that is missing is no fault of the machine's.
    started.error().code = ErrorCode::user_code;
    if (working_directory_ == files().scratch) {
      started.error().hint =
          "a step without workingDirectory runs in a folder of its own; for a program of the project write "
          "workingDirectory: .";
    }
  }
  return started;
}

json::object CommandAttempt::invocation_part() const {
  return {{"kind", "command"}};
}

ProcessAttempt::Collector CommandAttempt::collector(AttemptEnd end) {
  OutputSources sources{working_directory_, files().result_lines, files().standard_output, files().standard_error};
  return [spec = spec_, sources = std::move(sources), end = std::move(end), now = services_.clock.wall_now(),
          stop = services_.stop] {
    engine::AttemptResult result;
    if (!end.exit.success() || end.cancelled) {
      auto tail = runtime::read_file_tail(sources.standard_error, kLogTail);
      result.error = explain_end(end, tail ? *tail : std::string());
      return result;
    }
    auto outputs = collect_outputs(spec, sources, now, stop);
    if (!outputs) {
      result.error = attempt_error(outputs.error());
      return result;
    }
    result.succeeded = true;
    result.outputs = *std::move(outputs);
    return result;
  };
}

}  // namespace stoker::local
