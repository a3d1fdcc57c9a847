#include "cli/interpreter.h"

#include "base/strings.h"
#include "runtime/file.h"

namespace stoker::cli {

namespace {

constexpr std::size_t kMaximumProjectFileBytes = 1024 * 1024;
constexpr std::chrono::seconds kInspectLimit{60};

}  // namespace

std::string project_setting(std::string_view toml, std::string_view key) {
  bool ours = false;
  for (const auto& raw : split(toml, '\n')) {
    const auto line = trim(raw);
    if (line.starts_with("[")) ours = line.starts_with("[tool.stoker]");
    const auto equals = line.find('=');
    if (!ours || equals == std::string_view::npos || trim(line.substr(0, equals)) != key) continue;
    const auto value = trim(line.substr(equals + 1));
    if (value.empty() || (value[0] != '"' && value[0] != '\'')) return "";
    return std::string(value.substr(1, value.find(value[0], 1) - 1));
  }
  return "";
}

PythonChoice choose_python(const std::optional<std::string>& flag, const std::filesystem::path& project_root) {
  if (flag) return {*flag, false};
  const auto text = runtime::read_file(project_root / "pyproject.toml", kMaximumProjectFileBytes);
  if (!text.ok()) return {};
  return {project_setting(text.value(), "python"), true};
}

Result<local::Interpreter> find_python(const Program& program, const std::optional<std::string>& flag,
                                       const std::filesystem::path& project_root) {
  const auto choice = choose_python(flag, project_root);
  return local::find_interpreter({.chosen = choice.python,
                                  .from_project = choice.from_project,
                                  .environment = program.environment,
                                  .project_root = project_root,
                                  .program = program.executable});
}

Result<local::PythonFacts> inspect_python(const Program& program, const local::Interpreter& interpreter) {
  TRY_ASSIGN(const auto sdk, program.sdk_folder());
  return local::inspect_interpreter(interpreter.path, program.environment, sdk.parent_path(),
                                    {.deadline = runtime::Deadline::after(program.clock, kInspectLimit)},
                                    program.clock);
}

}  // namespace stoker::cli
