// PodTemplateConfigMapStep: the executors' template travels to the driver as it is, comments and all.
#include <fmt/format.h>

#include "spark/pod_template.h"
#include "spark/steps/driver_context.h"

namespace stoker::spark {

namespace {

constexpr std::string_view kTemplateKey = "spark.kubernetes.executor.podTemplateFile";
constexpr std::string_view kVolume = "pod-template-volume";
constexpr std::string_view kFolder = "/opt/spark/pod-template";
constexpr std::string_view kFile = "pod-spec-template.yml";
constexpr std::string_view kDataKey = "podspec-configmap-key";

}  // namespace

Result<void> executor_template_step(const DriverContext& context, DriverParts& parts) {
  TRY_ASSIGN(const auto file, configured_file(context, std::string(kTemplateKey), kMaximumTemplateBytes));
  if (!file) return {};
  TRY_ASSIGN(const auto container, context.configuration.text("spark.kubernetes.executor.podTemplateContainerName"));
  TRY_ASSIGN(const PodTemplate checked, read_pod_template(file->path, file->content, container));
  if (!checked.warning.empty()) parts.warnings.push_back(checked.warning);

  const std::string name = fmt::format("{}-driver-podspec-conf-map", context.name_prefix);
  parts.dependants.push_back(resources::make_immutable("ConfigMap", name, {{std::string(kDataKey), file->content}}));
  json::array items{json::object{{"key", kDataKey}, {"path", kFile}}};
  parts.volumes().push_back(
      json::object{{"configMap", {{"items", std::move(items)}, {"name", name}}}, {"name", kVolume}});
  parts.mounts().push_back(resources::volume_mount(kVolume, kFolder));
  parts.properties.set(std::string(kTemplateKey), fmt::format("{}/{}", kFolder, kFile));
  return {};
}

}  // namespace stoker::spark
