#include "spark/differences.h"

#include <array>

namespace stoker::spark {

namespace {

using enum Difference;

constexpr std::array kRows = {
    DifferenceRow{load_spark_defaults, Release::v4_0, "SparkSubmitArguments",
                  "--load-spark-defaults reads the defaults beside a properties file"},
    DifferenceRow{label_placeholders, Release::v4_0, "KubernetesDriverConf",
                  "{{APP_ID}} in labels stands for the application's id"},
    DifferenceRow{excluded_steps, Release::v4_1, "KubernetesDriverBuilder",
                  "spark.kubernetes.driver.pod.excludedFeatureSteps leaves steps out"},
    DifferenceRow{image_version_placeholder, Release::v4_1, "BasicDriverFeatureStep",
                  "{{SPARK_VERSION}} in the image's name stands for the version"},
    DifferenceRow{minimum_overhead, Release::v4_0, "BasicDriverFeatureStep",
                  "spark.driver.minMemoryOverhead is the least overhead"},
    DifferenceRow{privilege_escalation, Release::v4_3, "BasicDriverFeatureStep",
                  "securityContext.allowPrivilegeEscalation is set"},
    DifferenceRow{service_labels, Release::v3_4, "DriverServiceFeatureStep",
                  "spark.kubernetes.driver.service.label.* are labels of the Service"},
    DifferenceRow{service_address_families, Release::v3_4, "DriverServiceFeatureStep",
                  "ipFamilyPolicy and ipFamilies are set"},
    DifferenceRow{service_early_addresses, Release::v4_3, "DriverServiceFeatureStep",
                  "publishNotReadyAddresses is set"},
    DifferenceRow{service_protocols, Release::v4_2, "DriverServiceFeatureStep", "ports say their appProtocol"},
    DifferenceRow{size_limit_check, Release::v4_0, "MountVolumesFeatureStep",
                  "a size limit below 1 KiB is refused as one without its unit"},
    DifferenceRow{host_path_type, Release::v4_0, "MountVolumesFeatureStep", "hostPath volumes have options.type"},
    DifferenceRow{sub_path_expression, Release::v4_0, "MountVolumesFeatureStep", "mounts have mount.subPathExpr"},
    DifferenceRow{claim_labels, Release::v4_0, "MountVolumesFeatureStep",
                  "claims that are made have label.* and annotation.*"},
    DifferenceRow{
        claim_mode_key, Release::v3_4, "MountVolumesFeatureStep",
        "spark.kubernetes.legacy.useReadWriteOnceAccessMode chooses the mode of claims that are made (3.4.3)"},
    DifferenceRow{claims_of_one_pod, Release::v4_0, "MountVolumesFeatureStep",
                  "without that key their mode is ReadWriteOncePod"},
    DifferenceRow{hadoop_map_of_executors, Release::v3_5, "HadoopConfDriverFeatureStep",
                  "executors are told the ConfigMap of Hadoop's configuration"},
    DifferenceRow{small_config_map, Release::v3_5, "KubernetesClientUtils",
                  "spark.kubernetes.configMap.maxSize is at most 1 MiB, and that without the key"},
    DifferenceRow{pod_group_text, Release::v4_2, "VolcanoFeatureStep",
                  "spark.kubernetes.scheduler.volcano.podGroupTemplateJson is a template too"},
};

constexpr bool are_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (kRows[i].difference != static_cast<Difference>(i)) return false;
  return kRows.back().difference == pod_group_text;
}
static_assert(are_in_order());

}  // namespace

std::span<const DifferenceRow> differences() {
  return kRows;
}

bool has(const SparkVersion& version, Difference difference) {
  return version.release >= kRows[static_cast<std::size_t>(difference)].since;
}

}  // namespace stoker::spark
