// The Python of a project: which interpreter, why that one, and what it has.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "runtime/context.h"
#include "runtime/process/process.h"

namespace stoker::local {

struct InterpreterSearch {
  std::string chosen;  // `--python`, or the project's setting
  bool from_project = false;
  runtime::Environment environment;
  std::filesystem::path project_root;
  std::filesystem::path program;  // this program's file
};

struct Interpreter {
  std::filesystem::path path;
  std::string reason;  // "VIRTUAL_ENV is set"
};

// `--python`, the project's setting, VIRTUAL_ENV, CONDA_PREFIX, `.venv` beside the project, the Python beside the
// program, python3 of the PATH. Starts nothing. A choice that does not exist is an error; a variable that leads nowhere
// is passed over.
Result<Interpreter> find_interpreter(const InterpreterSearch& search);

struct PythonFacts {
  std::filesystem::path executable;  // as it names itself
  std::string version;               // 3.11.7
  bool has_stoker = false;
  std::string pyspark_version;         // empty: not installed
  std::filesystem::path pyspark_home;  // the folder of the package

  bool has_pyspark() const { return !pyspark_version.empty(); }
};

// Asks the interpreter, once: the answer is kept in `cache` and holds while the interpreter and the folders that it
// imports from are as they were (installing a package changes them).
Result<PythonFacts> inspect_interpreter(const std::filesystem::path& interpreter,
                                        const runtime::Environment& environment, const std::filesystem::path& cache,
                                        const runtime::Context& context, const Clock& clock);

// SPARK_HOME where it is set and a Spark is there, else the pyspark of the interpreter. An error says how to get one.
Result<std::filesystem::path> find_spark_home(const runtime::Environment& environment, const PythonFacts& python);

}  // namespace stoker::local
