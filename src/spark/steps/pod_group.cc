// VolcanoFeatureStep, the one user step that is known: a group of the Volcano scheduler, which must be there before the
// pod.
#include <fmt/format.h>

#include "resources/pod_fields.h"
#include "spark/pod_template.h"
#include "spark/steps/driver_context.h"

namespace stoker::spark {

namespace {

constexpr std::string_view kTemplateKey = "spark.kubernetes.scheduler.volcano.podGroupTemplateFile";
constexpr std::string_view kTextKey = "spark.kubernetes.scheduler.volcano.podGroupTemplateJson";
constexpr std::string_view kGroupAnnotation = "scheduling.k8s.io/group-name";

struct GroupTemplate {
  std::string where;
  std::string text;
};

Result<std::optional<GroupTemplate>> find_template(const DriverContext& context) {
  TRY_ASSIGN(auto file, configured_file(context, std::string(kTemplateKey), kMaximumTemplateBytes));
  if (file) return std::optional(GroupTemplate{.where = file->path, .text = std::move(file->content)});
  if (!context.has(Difference::pod_group_text)) return std::optional<GroupTemplate>();
  TRY_ASSIGN(auto text, context.configuration.text(kTextKey));
  if (!text) return std::optional<GroupTemplate>();
  return std::optional(GroupTemplate{.where = std::string(kTextKey), .text = *std::move(text)});
}

Result<json::object> read_group(const DriverContext& context) {
  TRY_ASSIGN(const auto found, find_template(context));
  if (!found) return json::object();
  const codec::LocatedValue read = resources::parse_kubernetes_yaml(found->text, "PodGroup");
  if (!read.problems.empty()) return codec::located_error(found->where, read.problems.front());
  const json::value* kind = read.value.is_object() ? read.value.get_object().if_contains("kind") : nullptr;
  if (kind == nullptr || !kind->is_string() || kind->get_string() != "PodGroup")
    return Error{.code = ErrorCode::invalid_document,
                 .message = fmt::format("{} is no PodGroup of Volcano", found->where),
                 .hint = "it begins with apiVersion: scheduling.volcano.sh/v1beta1 and kind: PodGroup"};
  return read.value.get_object();
}

}  // namespace

Result<void> pod_group_step(const DriverContext& context, DriverParts& parts) {
  TRY_ASSIGN(json::object group, read_group(context));
  const std::string name = fmt::format("{}-podgroup", context.identifiers.application_id);
  group["apiVersion"] = "scheduling.volcano.sh/v1beta1";
  group["kind"] = "PodGroup";
  json::object& metadata = resources::object_at(group, "metadata");
  metadata["name"] = name;
  metadata["namespace"] = context.namespace_name;
  if (const json::value* priority = parts.spec().if_contains("priorityClassName"))
    resources::object_at(group, "spec")["priorityClassName"] = *priority;
  parts.groups.push_back(std::move(group));
  resources::add_texts(resources::object_at(parts.pod, "metadata"), "annotations",
                       {{std::string(kGroupAnnotation), name}});
  return {};
}

}  // namespace stoker::spark
