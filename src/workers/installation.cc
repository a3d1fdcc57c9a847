#include "workers/installation.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"
#include "runtime/file.h"

namespace stoker::workers {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kReleaseFileLimit = 64 * 1024;
constexpr std::string_view kInstallJava =
    "install a JDK 17 (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME";

Error java_error(std::string message) {
  return Error{.code = ErrorCode::environment, .message = std::move(message), .hint = std::string(kInstallJava)};
}

// JAVA_VERSION="17.0.15" among the lines of a release file.
std::string release_value(std::string_view text, std::string_view name) {
  for (const auto& line : split(text, '\n')) {
    auto [key, value] =
        std::pair(line.substr(0, line.find('=')), line.substr(std::min(line.size(), line.find('=') + 1)));
    if (key != name) continue;
    std::erase(value, '"');
    return std::string(trim(value));
  }
  return "";
}

int leading_number(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

int java_feature(std::string_view version) {
  int first = leading_number(version);
  if (first != 1) return first;
  return version.starts_with("1.") ? leading_number(version.substr(2)) : first;
}

Result<JavaInstallation> inspect_java(const fs::path& executable) {
  std::error_code failure;
  JavaInstallation java;
  java.executable = fs::canonical(executable, failure);
  if (failure) return java_error("no Java at " + executable.string());
  java.home = java.executable.parent_path().parent_path();
  auto release = runtime::read_file(java.home / "release", kReleaseFileLimit);
  // A JRE inside a JDK 8 keeps the file one folder higher.
  if (!release) release = runtime::read_file(java.home.parent_path() / "release", kReleaseFileLimit);
  if (!release)
    return java_error("cannot tell the version of the Java at " + java.home.string() + " (no release file)");
  java.version = release_value(*release, "JAVA_VERSION");
  java.feature = java_feature(java.version);
  if (java.feature == 0) return java_error("cannot tell the version of the Java at " + java.home.string());
  return java;
}

Result<JavaInstallation> find_java(const runtime::Environment& environment) {
  if (auto home = variable(environment, "JAVA_HOME"); !home.empty()) {
    return inspect_java(fs::path(home) / "bin" / "java").with_context("JAVA_HOME=" + home);
  }
  auto found = runtime::find_executable("java", variable(environment, "PATH"));
  if (!found) return java_error("no Java: JAVA_HOME is not set and no java is on the PATH");
  return inspect_java(*found);
}

Result<SparkInstallation> inspect_spark(const fs::path& home) {
  std::error_code failure;
  constexpr std::string_view kPrefix = "spark-core_";
  for (const auto& entry : fs::directory_iterator(home / "jars", failure)) {
    std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(".jar")) continue;
    auto dash = name.find('-', kPrefix.size());
    if (dash == std::string::npos) continue;
    SparkInstallation spark;
    spark.home = home;
    spark.version = name.substr(dash + 1, name.size() - dash - 1 - 4);
    auto parts = split(spark.version, '.');
    if (parts.size() < 2) continue;
    spark.major = leading_number(parts[0]);
    spark.minor = leading_number(parts[1]);
    return spark;
  }
  return Error{.code = ErrorCode::environment,
               .message = "no Spark at " + home.string() + " (its jars folder has no spark-core jar)",
               .hint = "install pyspark into the Python that runs the pipeline"};
}

std::map<std::string, std::string> parse_spark_defaults(std::string_view text) {
  std::map<std::string, std::string> values;
  for (const auto& raw : split(text, '\n')) {
    std::string_view line = trim(raw);
    if (!line.starts_with("spark.")) continue;
    auto end = line.find_first_of(" \t=:");
    if (end == std::string_view::npos) continue;
    std::string_view value = trim(line.substr(end));
    if (!value.empty() && (value[0] == '=' || value[0] == ':')) value = trim(value.substr(1));
    values[std::string(line.substr(0, end))] = std::string(value);
  }
  return values;
}

}  // namespace stoker::workers
