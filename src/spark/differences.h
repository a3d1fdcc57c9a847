// What a release of Spark began to do in a submission, one row each: the only place that knows from which release on.
// Whole steps and ports that came later have their release in their own tables (submission_plan.cc, steps/ports.cc).
// Sources: the tags of apache/spark and the recorded requests of tests/data/spark.
#pragma once

#include <span>
#include <string_view>

#include "spark/spark_version.h"

namespace stoker::spark {

enum class Difference {
  load_spark_defaults,
  label_placeholders,
  excluded_steps,
  image_version_placeholder,
  minimum_overhead,
  privilege_escalation,
  service_labels,
  service_address_families,
  service_early_addresses,
  service_protocols,
  size_limit_check,
  host_path_type,
  sub_path_expression,
  claim_labels,
  claim_mode_key,
  claims_of_one_pod,
  hadoop_map_of_executors,
  small_config_map,
  pod_group_text,
};

struct DifferenceRow {
  Difference difference;
  Release since;
  std::string_view where;  // Spark's class
  std::string_view what;
};

// In the order of the enumeration.
std::span<const DifferenceRow> differences();

bool has(const SparkVersion& version, Difference difference);

}  // namespace stoker::spark
