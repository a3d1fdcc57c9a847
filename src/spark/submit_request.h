// What a command line of spark-submit means: the complete configuration and the application, once files, environment
// and defaults have had their say (SparkSubmitArguments and SparkSubmit.prepareSubmitEnvironment for k8s and cluster
// mode).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "spark/configuration.h"
#include "spark/spark_version.h"
#include "spark/submit_arguments.h"
#include "spark/surroundings.h"

namespace stoker::spark {

inline constexpr std::size_t kMaximumPropertiesBytes = 16 << 20;

// Keys whose values are lists of files.
inline constexpr std::array<std::string_view, 4> kFileListKeys = {"spark.jars", "spark.files", "spark.archives",
                                                                  "spark.submit.pyFiles"};

enum class ApplicationKind { java, python, r };

struct SubmitRequest {
  ApplicationKind kind = ApplicationKind::java;
  std::string main_class;
  std::string primary_resource;
  std::vector<std::string> arguments;
  std::optional<std::string> proxy_user;
  // What spark.properties holds before the plan adds to it.
  Configuration configuration;
  // Hadoop's: of core-site.xml in the configuration folders, and spark.hadoop.* over it.
  codec::HadoopProperties hadoop;
  // For the user, whole sentences.
  std::vector<std::string> warnings;
};

// The folder of Spark's configuration: SPARK_CONF_DIR, or conf/ in SPARK_HOME; none when neither is set.
std::optional<std::string> spark_conf_folder(const Surroundings& surroundings);

// Errors: usage and invalid_value for what spark-submit refuses too, each with what to write instead; unsupported for
// what only a JVM can do.
Result<SubmitRequest> resolve_submit_request(const SubmitArguments& arguments, const SparkVersion& version,
                                             const Surroundings& surroundings);

// The master as flags, files and environment have it; none when nobody says one, or when what says it cannot be read.
std::optional<std::string> master_of(const SubmitArguments& arguments, const SparkVersion& version,
                                     const Surroundings& surroundings);

// What spark-submit does to drivers that are there, instead of submitting one.
struct SubmissionAction {
  enum class Kind { kill, status };
  Kind kind = Kind::kill;
  std::string id;
};
std::optional<SubmissionAction> submission_action(const SubmitArguments& arguments);

// Which drivers an id means: `namespace:pod`, `pod`, and with a `*` at the end all that begin so.
struct DriverPattern {
  std::optional<std::string> namespace_name;
  std::string pod;  // without the star
  bool is_prefix = false;
  bool matches(std::string_view name) const { return is_prefix ? name.starts_with(pod) : name == pod; }
};
// Errors: usage.
Result<DriverPattern> parse_driver_pattern(const std::string& id);

// The configuration of such an action: files, flags and environment as for a submission, without an application and a
// deploy mode; the master may be left to the kubeconfig.
Result<Configuration> resolve_action_configuration(const SubmitArguments& arguments, const SparkVersion& version,
                                                   const Surroundings& surroundings);

}  // namespace stoker::spark
