// VolcanoFeatureStep, the one user step that is known: a group of the Volcano scheduler, which must be there before the
// pod.
#include <fmt/format.h>

#include "codec/yaml.h"
#include "spark/pod_template.h"
#include "spark/steps/driver_context.h"
#include "spark/uris.h"

namespace stoker::spark {

namespace {

constexpr std::string_view kTemplateKey = "spark.kubernetes.scheduler.volcano.podGroupTemplateFile";
constexpr std::string_view kGroupAnnotation = "scheduling.k8s.io/group-name";

Result<json::object> read_group(const DriverContext& context) {
  TRY_ASSIGN(const auto path, context.configuration.text(kTemplateKey));
  if (!path) return json::object();
  auto text = context.surroundings.read(context.surroundings.absolute_path(local_path(*path)), kMaximumTemplateBytes);
  if (!text) return std::move(text).error().with_context(std::string(kTemplateKey));
  const codec::LocatedValue read = codec::parse_yaml(*text);
  if (!read.problems.empty()) {
    const codec::TextProblem& first = read.problems.front();
    return Error{.code = ErrorCode::invalid_document,
                 .message = fmt::format("{}:{}:{}: {}", *path, first.mark.line, first.mark.column, first.message),
                 .hint = first.hint};
  }
  const json::value* kind = read.value.is_object() ? read.value.get_object().if_contains("kind") : nullptr;
  if (kind == nullptr || !kind->is_string() || kind->get_string() != "PodGroup")
    return Error{.code = ErrorCode::invalid_document,
                 .message = fmt::format("{} is no PodGroup of Volcano", *path),
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
