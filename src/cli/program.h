// Program: what the verbs have of the outside world, made once by src/app, and the one door into the command line.
#pragma once

#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/command.h"
#include "runtime/process/process.h"

namespace stoker::cli {

struct Program {
  const Clock& clock;
  // Of the process at its start.
  runtime::Environment environment;
  std::filesystem::path working_directory;
  std::filesystem::path executable;
  // Where the SDK that this program carries can be imported from; unpacks it at first use.
  std::function<Result<std::filesystem::path>()> sdk_folder;

  std::optional<std::string> variable(std::string_view name) const;
};

// Carries out one command line and returns the exit code (docs/reference/exit-codes.md). Errors go to standard error.
int run_program(const Program& program, const std::vector<std::string>& arguments);

// "error: …" and, on a line of its own, what to do.
void print_error(const Error& error);

}  // namespace stoker::cli
