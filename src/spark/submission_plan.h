// The objects that start one application: what this version's own spark-submit makes, field by field, and the files
// that must be uploaded before. Pure but for what it reads through Surroundings.
// docs/reference/spark-submit-differences.md lists what is not as Spark has it, and why.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "spark/spark_version.h"
#include "spark/submit_request.h"
#include "spark/surroundings.h"

namespace stoker::spark {

// What is drawn anew for each submission. Whoever plans draws it, so that a plan is a function of what goes in.
struct Identifiers {
  std::string application_id;        // spark-<32 hex digits>
  std::string unique;                // 16 hex digits or so; ends the names of the application's objects
  std::string configuration_unique;  // the same for the driver's ConfigMap
  std::string service_unique;        // for a Service whose name would be too long
  std::string local_folder;          // a UUID
  std::int64_t submit_time_ms = 0;   // since 1970
};

struct Upload {
  std::string from_path;
  std::string to_uri;  // as Spark writes it: not encoded
  std::string sha256;  // of the content when the plan was made, in hex
  friend bool operator==(const Upload&, const Upload&) = default;
};

struct SubmissionPlan {
  std::string namespace_name;
  std::string application_id;
  std::string driver_name;
  std::vector<Upload> uploads;
  // To be there before the pod even for Spark itself: pod groups of a scheduler.
  std::vector<json::object> groups;
  // Everything that the driver needs, in the order in which Spark makes them; without their owner.
  std::vector<json::object> dependants;
  json::object driver;
  // spark.kubernetes.submission.waitAppCompletion: the submitter stays until the driver's end.
  bool waits_for_end = true;
  // For the user, whole sentences.
  std::vector<std::string> warnings;
};

Result<SubmissionPlan> plan_submission(const SubmitRequest& request, const SparkVersion& version,
                                       const Identifiers& identifiers, const Surroundings& surroundings);

}  // namespace stoker::spark
