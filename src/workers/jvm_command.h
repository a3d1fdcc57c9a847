// The command line and environment that start a Spark JVM with a Py4J gateway. Pure.
//
// The ordinary way is `java … PythonGatewayServer`, which is what spark-submit runs in the end, without the JVM that
// spark-submit starts to find that out. What only spark-submit can do (resolving packages, spark-env.sh) goes through
// it.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/process/process.h"
#include "workers/installation.h"
#include "workers/lease.h"
#include "workers/spark_versions.h"

namespace stoker::workers {

struct JvmCommandInput {
  JavaInstallation java;
  SparkInstallation spark;
  SparkVersion version;
  JvmSettings settings;
  runtime::Environment environment;  // as jvm_environment() gives it
  std::filesystem::path python;
  // spark-defaults.conf of the configuration folder, and whether that folder has a spark-env.sh.
  std::map<std::string, std::string> spark_defaults;
  std::optional<std::filesystem::path> configuration_folder;
  bool has_spark_env = false;
  std::filesystem::path connection_file;                    // the gateway writes its port and secret there
  std::optional<std::filesystem::path> class_archive;       // to use
  std::optional<std::filesystem::path> make_class_archive;  // to write when the JVM ends
};

struct JvmCommand {
  std::vector<std::string> argv;
  runtime::Environment environment;
  std::uint64_t memory_bytes = 0;  // what the JVM may grow to, as far as can be told: heap and the rest
};

Result<JvmCommand> plan_jvm_command(const JvmCommandInput& input);

// What one class-data archive is good for: the same Java, Spark, jars, class path and options. `jars` are "name size"
// lines.
std::string archive_name(const JvmCommandInput& input, const std::vector<std::string>& jars);
// An archive works only with a class path of jars, and only with a Java that has dynamic archives.
bool can_use_archive(const JvmCommandInput& input);

// Words of an options string as a shell would split them: spaces, '…', "…", backslash.
std::vector<std::string> split_options(std::string_view text);

}  // namespace stoker::workers
