// The Python that a verb uses: the flag, the project's setting, or what the usual places have.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "cli/program.h"
#include "local/steps/python.h"

namespace stoker::cli {

// What --python or, without it, the project chose; empty: nothing.
struct PythonChoice {
  std::string python;
  bool from_project = false;
};
PythonChoice choose_python(const std::optional<std::string>& flag, const std::filesystem::path& project_root);

Result<local::Interpreter> find_python(const Program& program, const std::optional<std::string>& flag,
                                       const std::filesystem::path& project_root);
// Starts it once and remembers the answer, until something is installed into it.
Result<local::PythonFacts> inspect_python(const Program& program, const local::Interpreter& interpreter);

// The text of `key = "…"` in the table [tool.stoker] of a pyproject.toml; empty: not there. Reads plain strings, which
// is all that we keep there.
std::string project_setting(std::string_view toml, std::string_view key);

}  // namespace stoker::cli
