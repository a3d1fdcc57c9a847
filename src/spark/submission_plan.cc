#include "spark/submission_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "resources/object.h"
#include "spark/java/text.h"
#include "spark/pod_template.h"
#include "spark/resource_names.h"
#include "spark/steps/driver_context.h"

namespace stoker::spark {

namespace {

constexpr std::string_view kVolcanoStep = "org.apache.spark.deploy.k8s.features.VolcanoFeatureStep";
constexpr std::string_view kStepPackage = "org.apache.spark.deploy.k8s.features.";
constexpr std::string_view kUserSteps = "spark.kubernetes.driver.pod.featureSteps";
constexpr std::string_view kExcludedSteps = "spark.kubernetes.driver.pod.excludedFeatureSteps";

struct StepRow {
  DriverStep step;
  std::string_view spark_class;  // behind kStepPackage; "" is no step of its own in Spark and always runs
  Release since = Release::v3_3;
};

// In Spark's order (KubernetesDriverBuilder). Uploads are part of its first step; ours comes before all that names
// them.
constexpr std::array kSteps = {
    StepRow{upload_step, ""},
    StepRow{basic_driver_step, "BasicDriverFeatureStep"},
    StepRow{credentials_step, "DriverKubernetesCredentialsFeatureStep"},
    StepRow{service_step, "DriverServiceFeatureStep"},
    StepRow{network_policy_step, "NetworkPolicyFeatureStep", Release::v4_2},
    StepRow{secret_mounts_step, "MountSecretsFeatureStep"},
    StepRow{secret_environment_step, "EnvSecretsFeatureStep"},
    StepRow{volumes_step, "MountVolumesFeatureStep"},
    StepRow{command_step, "DriverCommandFeatureStep"},
    StepRow{hadoop_step, "HadoopConfDriverFeatureStep"},
    StepRow{kerberos_step, "KerberosConfDriverFeatureStep"},
    StepRow{executor_template_step, "PodTemplateConfigMapStep"},
    StepRow{local_folders_step, "LocalDirsFeatureStep"},
};

constexpr std::array<std::string_view, 4> kReservedLabels = {"spark-version", "spark-app-selector", "spark-app-name",
                                                             "spark-role"};

// Annotations and labels may name the application; a driver has no number of an executor.
std::string with_ids(std::string text, std::string_view application_id) {
  constexpr std::string_view kApplication = "{{APP_ID}}";
  constexpr std::string_view kExecutor = "{{EXECUTOR_ID}}";
  for (std::size_t at = 0; (at = text.find(kApplication, at)) != std::string::npos; at += application_id.size())
    text.replace(at, kApplication.size(), application_id);
  for (std::size_t at = 0; (at = text.find(kExecutor, at)) != std::string::npos;)
    text.erase(at, kExecutor.size());
  return text;
}

Result<resources::Texts> labels_of(const DriverContext& context) {
  resources::Texts labels;
  for (const auto& [name, value] : context.request.configuration.with_prefix("spark.kubernetes.driver.label.")) {
    if (std::ranges::find(kReservedLabels, name) != kReservedLabels.end())
      return Error{.code = ErrorCode::invalid_value,
                   .message = fmt::format("the label {} is Spark's own", name),
                   .hint = "give yours another name"};
    labels[name] =
        context.has(Difference::label_placeholders) ? with_ids(value, context.identifiers.application_id) : value;
  }
  labels["spark-version"] = context.version.text;
  labels["spark-app-selector"] = context.identifiers.application_id;
  labels["spark-app-name"] = app_name_label(context.request.configuration.raw("spark.app.name").value_or(""));
  labels["spark-role"] = "driver";
  return labels;
}

Result<DriverContext> make_context(const SubmitRequest& request, const SparkVersion& version,
                                   const Identifiers& identifiers, const Surroundings& surroundings,
                                   const ConfigurationReader& configuration) {
  DriverContext context{request, version, identifiers, surroundings, configuration, {}, {}, {}, {}, {}};
  TRY_ASSIGN(context.namespace_name, configuration.text_or("spark.kubernetes.namespace", "default"));
  if (!resources::is_dns_label(context.namespace_name))
    return Error{
        .code = ErrorCode::invalid_value,
        .message = fmt::format("spark.kubernetes.namespace \"{}\" is no name of a namespace", context.namespace_name),
        .hint = fmt::format("write {}", resources::kDnsLabelRule)};
  context.name_prefix =
      resource_name_prefix(request.configuration.raw("spark.app.name").value_or(""), identifiers.unique);
  TRY_ASSIGN(context.driver_name,
             configuration.text_or("spark.kubernetes.driver.pod.name", driver_pod_name(context.name_prefix)));
  TRY_ASSIGN(context.labels, labels_of(context));
  for (const auto& [name, value] : request.configuration.with_prefix("spark.kubernetes.driver.annotation."))
    context.annotations[name] = with_ids(value, identifiers.application_id);
  return context;
}

Result<void> start_from_template(const DriverContext& context, DriverParts& parts) {
  TRY_ASSIGN(const auto file,
             configured_file(context, "spark.kubernetes.driver.podTemplateFile", kMaximumTemplateBytes));
  parts.pod = json::object{{"apiVersion", "v1"}, {"kind", "Pod"}};
  if (!file) return {};
  TRY_ASSIGN(const auto container, context.configuration.text("spark.kubernetes.driver.podTemplateContainerName"));
  TRY_ASSIGN(PodTemplate found, read_pod_template(file->path, file->content, container));
  if (!found.warning.empty()) parts.warnings.push_back(std::move(found.warning));
  parts.pod = std::move(found.pod);
  parts.pod["apiVersion"] = "v1";
  parts.pod["kind"] = "Pod";
  parts.container = std::move(found.container);
  return {};
}

// The user's own steps are classes of a JVM. Returns whether Volcano's, which is known, is among them.
Result<bool> check_user_steps(const DriverContext& context) {
  TRY_ASSIGN(const auto classes, context.configuration.list(kUserSteps));
  for (const std::string& name : classes)
    if (name != kVolcanoStep)
      return Error{.code = ErrorCode::unsupported,
                   .message = fmt::format("the feature step {} is a class, which needs a JVM", name),
                   .hint = "--jvm hands over to a real spark-submit"};
  return !classes.empty();
}

Result<void> run_steps(const DriverContext& context, DriverParts& parts) {
  TRY_ASSIGN(const bool has_pod_group, check_user_steps(context));
  std::vector<std::string> excluded;
  if (context.has(Difference::excluded_steps)) {
    TRY_ASSIGN(excluded, context.configuration.list(kExcludedSteps));
  }
  for (const StepRow& row : kSteps) {
    const std::string name = fmt::format("{}{}", kStepPackage, row.spark_class);
    if (context.version.release < row.since || std::ranges::find(excluded, name) != excluded.end()) continue;
    TRY(row.step(context, parts));
  }
  if (has_pod_group) TRY(pod_group_step(context, parts));
  return configuration_step(context, parts);
}

// JSON and YAML have no other texts. `where` names the object and the keys on the way.
Result<void> check_texts(const json::value& value, const std::string& where) {
  if (value.is_string() && !java_length(value.get_string()))
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("{} is no UTF-8 text", where),
                 .hint = "Kubernetes takes no other bytes"};
  if (value.is_array())
    for (const json::value& element : value.get_array())
      TRY(check_texts(element, where));
  if (value.is_object())
    for (const auto& member : value.get_object())
      TRY(check_texts(member.value(), fmt::format("{}.{}", where, std::string_view(member.key()))));
  return {};
}

}  // namespace

Result<SubmissionPlan> plan_submission(const SubmitRequest& request, const SparkVersion& version,
                                       const Identifiers& identifiers, const Surroundings& surroundings) {
  const Environment environment = [&](std::string_view name) { return surroundings.environment(name); };
  const ConfigurationReader configuration(request.configuration, environment);
  TRY_ASSIGN(const DriverContext context, make_context(request, version, identifiers, surroundings, configuration));
  // Spark reads this one only after everything is made; a wrong value should not leave a driver behind.
  TRY_ASSIGN(const bool waits_for_end, configuration.boolean("spark.kubernetes.submission.waitAppCompletion", true));

  DriverParts parts;
  parts.warnings = request.warnings;
  parts.properties = request.configuration;
  parts.properties.set_if_missing("spark.app.submitTime", std::to_string(identifiers.submit_time_ms));
  TRY(start_from_template(context, parts));
  TRY(run_steps(context, parts));

  resources::list_at(parts.spec(), "containers").push_back(std::move(parts.container));
  TRY(check_texts(parts.pod, "the pod"));
  for (const json::object& dependant : parts.dependants)
    TRY(check_texts(dependant, fmt::format("the {}", resources::kind_of(dependant))));
  return SubmissionPlan{.namespace_name = context.namespace_name,
                        .application_id = identifiers.application_id,
                        .driver_name = context.driver_name,
                        .uploads = std::move(parts.uploads),
                        .groups = std::move(parts.groups),
                        .dependants = std::move(parts.dependants),
                        .driver = std::move(parts.pod),
                        .waits_for_end = waits_for_end,
                        .warnings = std::move(parts.warnings)};
}

}  // namespace stoker::spark
