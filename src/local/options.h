// What the local runner is made with.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "local/host.h"
#include "local/steps/spark_lease.h"
#include "runtime/process/process.h"

namespace stoker::local {

// The value of a secret by its reference, a file's path being absolute. Called from any thread; the value is given to
// the attempt's environment and nowhere else.
using SecretSource = std::function<Result<std::string>(const std::string& name)>;

struct LocalRunnerOptions {
  // Outlives the runner.
  const Clock* clock = nullptr;
  // What attempts inherit.
  runtime::Environment environment;
  // `--python` or the project's setting; empty: found by the usual places.
  std::string python;
  bool python_from_project = false;
  // This program's file: a Python beside it belongs to it.
  std::filesystem::path program;
  // Folder with the package `stoker`, offered to an interpreter that lacks it.
  std::filesystem::path sdk;
  // No fork server and no warm JVM: each attempt starts from nothing.
  bool isolated = false;
  // 0: as many as there are processors.
  int slots = 0;
  SecretSource secrets;
  // One that has compiled the document, and so has the user's module imported; the runner uses it for its first run
  // when nobody else holds it.
  std::shared_ptr<PythonHost> host;
  // When the digests of the steps' code were computed, or found to be those of the files; none: nobody can tell.
  std::optional<WallTime> compiled_at;
  // None: Spark steps start a JVM of their own.
  std::shared_ptr<SparkLeaser> leaser;
};

// A name: from the environment (STOKER_SECRET_<NAME>), else the file <folder>/<name>, else an error that names both.
// env:VARIABLE and file:PATH mean just that.
SecretSource default_secrets(runtime::Environment environment, std::filesystem::path folder);
// The variable that carries the secret: upper case, every character outside [A-Z0-9] replaced by `_`, behind
// STOKER_SECRET_.
std::string secret_variable(const std::string& name);

}  // namespace stoker::local
