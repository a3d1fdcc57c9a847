// The Java and the Spark of this machine, as found on disk. Nothing is started to learn their versions.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "runtime/process/process.h"

namespace stoker::workers {

struct JavaInstallation {
  std::filesystem::path executable;  // absolute, symbolic links resolved
  std::filesystem::path home;
  std::string version;  // 17.0.15
  int feature = 0;      // 17
};

// What java says of itself in <home>/release. Errors are of code `environment` and say what to install.
Result<JavaInstallation> inspect_java(const std::filesystem::path& executable);
// $JAVA_HOME, then the PATH.
Result<JavaInstallation> find_java(const runtime::Environment& environment);
// The feature release of a version string: 17.0.15 is 17, 1.8.0_392 is 8.
int java_feature(std::string_view version);

struct SparkInstallation {
  std::filesystem::path home;  // the pyspark package's folder, or a SPARK_HOME
  std::string version;         // 4.0.1
  int major = 0;
  int minor = 0;
};

// By the name of its spark-core jar.
Result<SparkInstallation> inspect_spark(const std::filesystem::path& home);

// Lines of `name value` or `name=value`, as in spark-defaults.conf; comments and other names than spark.* are left out.
std::map<std::string, std::string> parse_spark_defaults(std::string_view text);

}  // namespace stoker::workers
