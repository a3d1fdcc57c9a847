#include "workers/spark_versions.h"

#include <fmt/format.h>

#include <array>

namespace stoker::workers {

namespace {

using std::string_view;

constexpr std::array kOpened = {
    string_view("java.base/java.lang"),
    string_view("java.base/java.lang.invoke"),
    string_view("java.base/java.lang.reflect"),
    string_view("java.base/java.io"),
    string_view("java.base/java.net"),
    string_view("java.base/java.nio"),
    string_view("java.base/java.util"),
    string_view("java.base/java.util.concurrent"),
    string_view("java.base/java.util.concurrent.atomic"),
    string_view("java.base/jdk.internal.ref"),
    string_view("java.base/sun.nio.ch"),
    string_view("java.base/sun.nio.cs"),
    string_view("java.base/sun.security.action"),
    string_view("java.base/sun.util.calendar"),
    string_view("java.security.jgss/sun.security.krb5"),
};

constexpr std::array kOptions3 = {string_view("-Djdk.reflect.useDirectMethodHandle=false")};

constexpr std::array kOptions40 = {
    string_view("--add-modules=jdk.incubator.vector"),
    string_view("-Djdk.reflect.useDirectMethodHandle=false"),
    string_view("-Dio.netty.tryReflectionSetAccessible=true"),
};

constexpr std::array kOptions41 = {
    string_view("--add-modules=jdk.incubator.vector"),
    string_view("-Djdk.reflect.useDirectMethodHandle=false"),
    string_view("-Dio.netty.tryReflectionSetAccessible=true"),
    string_view("-Dio.netty.allocator.type=pooled"),
    string_view("-Dio.netty.handler.ssl.defaultEndpointVerificationAlgorithm=NONE"),
    string_view("--enable-native-access=ALL-UNNAMED"),
};

constexpr std::array kOptions43 = {
    string_view("--add-modules=jdk.incubator.vector"),
    string_view("-Dio.netty.tryReflectionSetAccessible=true"),
    string_view("-Dio.netty.allocator.type=pooled"),
    string_view("-Dio.netty.handler.ssl.defaultEndpointVerificationAlgorithm=NONE"),
    string_view("--sun-misc-unsafe-memory-access=allow"),
    string_view("--enable-native-access=ALL-UNNAMED"),
};

// Java 24 took away the security manager, which the Hadoop clients of 4.0 and before call.
constexpr std::array kVersions = {
    SparkVersion{3, 4, 8, 23, kOptions3, false},  SparkVersion{3, 5, 8, 23, kOptions3, false},
    SparkVersion{4, 0, 17, 23, kOptions40, true}, SparkVersion{4, 1, 17, 23, kOptions41, true},
    SparkVersion{4, 2, 17, 25, kOptions41, true}, SparkVersion{4, 3, 17, 25, kOptions43, true},
};

}  // namespace

std::span<const SparkVersion> spark_versions() {
  return kVersions;
}

Result<SparkVersion> find_spark_version(const SparkInstallation& spark) {
  for (const auto& row : kVersions) {
    if (row.major == spark.major && row.minor == spark.minor) return row;
  }
  return Error{.code = ErrorCode::unsupported,
               .message = fmt::format("Spark {} is not known to this version of Stoker", spark.version),
               .hint = fmt::format("use Spark {}.{} to {}.{}, or a newer Stoker", kVersions.front().major,
                                   kVersions.front().minor, kVersions.back().major, kVersions.back().minor)};
}

Result<void> check_java(const SparkVersion& version, const JavaInstallation& java) {
  if (java.feature >= version.oldest_java && java.feature <= version.newest_java) return {};
  return Error{.code = ErrorCode::environment,
               .message = fmt::format("Spark {}.{} does not run on Java {} ({})", version.major, version.minor,
                                      java.version, java.home.string()),
               .hint = fmt::format("set JAVA_HOME to a Java from {} to {}; 17 runs every version", version.oldest_java,
                                   version.newest_java)};
}

std::vector<std::string> java_options(const SparkVersion& version) {
  std::vector<std::string> options = {"-XX:+IgnoreUnrecognizedVMOptions"};
  for (auto package : kOpened)
    options.push_back(fmt::format("--add-opens={}=ALL-UNNAMED", package));
  options.insert(options.end(), version.options.begin(), version.options.end());
  return options;
}

}  // namespace stoker::workers
