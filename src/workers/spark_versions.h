// What differs between Spark versions when their JVM is started directly, as data. The options are those of each
// version's own org.apache.spark.launcher.JavaModuleOptions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "workers/installation.h"

namespace stoker::workers {

struct SparkVersion {
  int major = 0;
  int minor = 0;
  int oldest_java = 0;
  int newest_java = 0;
  std::span<const std::string_view> options;  // beside the common ones
  bool connect_mode_variable = false;         // SPARK_CONNECT_MODE exists, and must be 0 for a classic gateway
};

std::span<const SparkVersion> spark_versions();

// The row of a version. One that is not in the table is refused, not guessed: an error of code `unsupported`.
Result<SparkVersion> find_spark_version(const SparkInstallation& spark);
// Whether this Java runs this Spark; the error says which Java to install.
Result<void> check_java(const SparkVersion& version, const JavaInstallation& java);
// -XX, --add-opens, … for a direct start.
std::vector<std::string> java_options(const SparkVersion& version);

}  // namespace stoker::workers
