// What the feature steps of a driver read and what they add to.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "codec/json.h"
#include "resources/object.h"
#include "spark/configuration.h"
#include "spark/differences.h"
#include "spark/submission_plan.h"

namespace stoker::spark {

// Facts of one submission, the same for every step. Borrows what it was made from.
struct DriverContext {
  const SubmitRequest& request;
  const SparkVersion& version;
  const Identifiers& identifiers;
  const Surroundings& surroundings;
  const ConfigurationReader& configuration;

  std::string namespace_name;
  std::string name_prefix;  // of the application's objects
  std::string driver_name;
  resources::Texts labels;  // of the driver pod, which its Service selects by
  resources::Texts annotations;

  bool has(Difference difference) const { return spark::has(version, difference); }
};

// A file that a key of the configuration names: of the submitter's machine, or at an address.
struct ConfiguredFile {
  std::string path;  // as it is written
  std::string name;  // behind the last slash
  std::string content;
};

// None when the key is not set; an error that names the key when the file cannot be read (or the key is empty).
Result<std::optional<ConfiguredFile>> configured_file(const DriverContext& context, const std::string& key,
                                                      std::size_t limit_bytes);

// Grows from step to step.
struct DriverParts {
  json::object pod;        // without Spark's container
  json::object container;  // joins the pod last
  std::vector<json::object> groups;
  std::vector<json::object> dependants;
  Configuration properties;  // of spark.properties
  std::vector<Upload> uploads;
  std::vector<std::string> warnings;

  json::object& spec() { return resources::object_at(pod, "spec"); }
  json::array& volumes() { return resources::list_at(spec(), "volumes"); }
  json::array& environment() { return resources::list_at(container, "env"); }
  json::array& mounts() { return resources::list_at(container, "volumeMounts"); }
};

using DriverStep = Result<void> (*)(const DriverContext& context, DriverParts& parts);

Result<void> basic_driver_step(const DriverContext& context, DriverParts& parts);
Result<void> upload_step(const DriverContext& context, DriverParts& parts);
Result<void> credentials_step(const DriverContext& context, DriverParts& parts);
Result<void> service_step(const DriverContext& context, DriverParts& parts);
Result<void> network_policy_step(const DriverContext& context, DriverParts& parts);
Result<void> secret_mounts_step(const DriverContext& context, DriverParts& parts);
Result<void> secret_environment_step(const DriverContext& context, DriverParts& parts);
Result<void> volumes_step(const DriverContext& context, DriverParts& parts);
Result<void> command_step(const DriverContext& context, DriverParts& parts);
Result<void> hadoop_step(const DriverContext& context, DriverParts& parts);
Result<void> kerberos_step(const DriverContext& context, DriverParts& parts);
Result<void> executor_template_step(const DriverContext& context, DriverParts& parts);
Result<void> local_folders_step(const DriverContext& context, DriverParts& parts);
Result<void> pod_group_step(const DriverContext& context, DriverParts& parts);
Result<void> configuration_step(const DriverContext& context, DriverParts& parts);

}  // namespace stoker::spark
