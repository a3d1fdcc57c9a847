#include "cli/submit/spark_submit_handover.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "cli/interpreter.h"
#include "cli/output.h"
#include "spark/submit_request.h"

namespace stoker::cli {

namespace {

constexpr std::string_view kJvm = "--jvm";

std::optional<std::filesystem::path> find_spark_submit(const Program& program) {
  constexpr std::string_view kName = "spark-submit";
  for (const char* home : {"SPARK_HOME", "VIRTUAL_ENV"})
    if (const auto folder = program.variable(home)) {
      std::filesystem::path path = std::filesystem::path(*folder) / "bin" / kName;
      if (::access(path.c_str(), X_OK) == 0) return path;
    }
  if (auto found = runtime::find_executable(std::string(kName), program.variable("PATH").value_or(""),
                                            program.working_directory))
    return found;
  const auto interpreter = find_python(program, std::nullopt, program.working_directory);
  if (!interpreter) return std::nullopt;
  const auto python = inspect_python(program, *interpreter);
  if (!python) return std::nullopt;
  const auto home = local::find_spark_home(program.environment, *python);
  return home ? std::optional(*home / "bin" / kName) : std::nullopt;
}

}  // namespace

bool wants_real_spark_submit(const SubmitCommand& command, const spark::Surroundings& machine) {
  if (command.jvm) return true;
  // Which flags are known depends on the version; for the master the newest's rules do.
  const auto master = spark::master_of(command.arguments, spark::newest_spark_version(), machine);
  return master && !master->starts_with("k8s://");
}

Error hand_over_to_spark_submit(const Program& program, const SubmitCommand& command) {
  for (const auto& [flag, value] : command.arguments.own)
    if (flag != kJvm)
      return {.code = ErrorCode::usage,
              .message = fmt::format("{} is not known to the real spark-submit, which {} hands over to", flag,
                                     command.jvm ? "--jvm" : "a master that is not k8s://"),
              .hint = fmt::format("leave {} out", flag)};
  const auto spark_submit = find_spark_submit(program);
  if (!spark_submit)
    return {.code = ErrorCode::environment,
            .message = "there is no spark-submit to hand over to",
            .hint = "set SPARK_HOME, or install pyspark: pip install pyspark"};
  std::vector<std::string> words = {spark_submit->string()};
  words.insert(words.end(), command.words.begin(), command.words.end());
  // Ours stands before the application; a word like it behind is the application's.
  if (command.jvm) words.erase(std::ranges::find(words, kJvm));
  // That of pyspark asks the python3 of PATH where Spark is: the one beside it.
  runtime::Environment environment = program.environment;
  environment["PATH"] = fmt::format("{}:{}", spark_submit->parent_path().string(), environment["PATH"]);
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment)
    variables.push_back(fmt::format("{}={}", name, value));
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts)
      all.push_back(text.data());
    all.push_back(nullptr);
    return all;
  };
  say("handing over to " + spark_submit->string());
  ::execve(spark_submit->c_str(), pointers(words).data(), pointers(variables).data());
  return system_error(fmt::format("starting {}", spark_submit->string()), errno);
}

}  // namespace stoker::cli
