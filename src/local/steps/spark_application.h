// A SparkApplication (sparkoperator.k8s.io/v1beta2) as a spark-submit on this machine. Pure.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "pipeline/document.h"
#include "runtime/process/process.h"

namespace stoker::local {

struct SparkApplicationPlan {
  // What follows `spark-submit`.
  std::vector<std::string> arguments;
  // The driver's variables.
  runtime::Environment environment;
  // One line that names what only a cluster can honour; empty when there is nothing.
  std::string note;
};

// `local:///opt/spark/` becomes `spark_home`, other `local://` paths are this machine's, relative ones start from
// `project_root`. Fields that say where and how pods run are named in the note; fields that would change the result,
// and that this machine cannot give (mounted secrets and configuration, init containers, another user, R), are an error
// of code `unsupported` that names them all. Keys that v1beta2 does not have are an error with the nearest one.
Result<SparkApplicationPlan> plan_spark_application(const json::object& manifest,
                                                    const std::filesystem::path& spark_home,
                                                    const std::filesystem::path& project_root);

}  // namespace stoker::local
