#include "cli/submit_action.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/cluster.h"
#include "cli/output.h"
#include "cli/submit/submit_run.h"
#include "resources/object.h"
#include "spark/spark_version.h"
#include "spark/units.h"
#include "submission/applications.h"
#include "submission/cluster_access.h"

namespace stoker::cli {

namespace {

using resources::list_in;
using resources::metadata_text;
using resources::object_in;
using resources::text_in;
using submission::Application;

constexpr int kExitNothingFound = 1;

// `key=value` of labels, and names of volumes, between commas.
std::string labels_text(const json::object& labels) {
  std::vector<std::string> parts;
  for (const auto& label : labels)
    if (label.value().is_string())
      parts.push_back(
          fmt::format("{} -> {}", std::string_view(label.key()), std::string_view(label.value().get_string())));
  return join(parts, ", ");
}

std::string volumes_text(const json::object& specification) {
  std::vector<std::string> names;
  for (const json::value& volume : list_in(specification, "volumes"))
    if (volume.is_object()) names.push_back(text_in(volume.get_object(), "name"));
  return join(names, ", ");
}

// In the words of spark-submit (KubernetesUtils.formatPodState).
void print_status(const Application& application) {
  const json::object& pod = application.driver;
  const json::object& specification = object_in(pod, "spec");
  const json::object& status = object_in(pod, "status");
  const auto row = [](std::string_view what, std::string_view value) {
    print(fmt::format("\t {}: {}\n", what, value.empty() ? "N/A" : value));
  };
  print("Application status (driver):\n");
  row("pod name", application.pod);
  row("namespace", application.namespace_name);
  row("labels", labels_text(object_in(object_in(pod, "metadata"), "labels")));
  row("pod uid", application.uid);
  row("creation time", metadata_text(pod, "creationTimestamp"));
  row("service account name", text_in(specification, "serviceAccountName"));
  row("volumes", volumes_text(specification));
  row("node name", text_in(specification, "nodeName"));
  row("start time", text_in(status, "startTime"));
  row("phase", text_in(status, "phase"));
  row("state", submission::state_text(application));
}

Result<int> kill_all(const kube::Client& client, const std::vector<Application>& applications,
                     std::optional<std::int64_t> grace_seconds) {
  int code = 0;
  for (const Application& application : applications) {
    const auto killed = submission::kill_application({}, client, application, grace_seconds);
    if (!killed) {
      print_error(killed.error());
      code = kExitPrevented;
    } else {
      print(submission::killed_text(application, *killed) + "\n");
    }
  }
  return code;
}

Result<std::optional<std::int64_t>> grace_period(const spark::Configuration& configuration) {
  constexpr std::string_view kKey = "spark.kubernetes.appKillPodDeletionGracePeriod";
  const auto text = configuration.raw(kKey);
  if (!text) return std::optional<std::int64_t>();
  auto seconds = spark::parse_time(*text, spark::TimeUnit::second);
  if (!seconds) return std::move(seconds).error().with_context(std::string(kKey));
  if (seconds.value() < 0)
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("{} {} is less than nothing", kKey, *text),
                 .hint = "write a time such as 30s"};
  return std::optional(seconds.value());
}

}  // namespace

Result<int> act_on_submissions(const Program& program, const SubmitCommand& command,
                               const spark::SubmissionAction& action, const spark::Surroundings& machine) {
  TRY_ASSIGN(const spark::DriverPattern pattern, spark::parse_driver_pattern(action.id));
  // Which Spark the drivers are of does not matter.
  TRY_ASSIGN(const spark::Configuration configuration,
             spark::resolve_action_configuration(command.arguments, spark::newest_spark_version(), machine));
  TRY_ASSIGN(const auto grace_seconds, grace_period(configuration));
  TRY_ASSIGN(kube::ClusterConfiguration access,
             submission::cluster_of(configuration, program.environment, command.kubeconfig));
  Cluster cluster(program, std::move(access));
  TRY(cluster.log_in({}));
  const std::string where = pattern.namespace_name.value_or(
      configuration.raw("spark.kubernetes.namespace").value_or(cluster.namespace_name()));
  TRY_ASSIGN(std::vector<Application> applications, submission::list_applications({}, cluster.client(), where));
  std::erase_if(applications, [&](const Application& each) { return !pattern.matches(each.pod); });
  if (applications.empty()) {
    print_error({.code = ErrorCode::not_found,
                 .message = fmt::format("no driver is called {} in the namespace {}",
                                        pattern.pod + (pattern.is_prefix ? "*" : ""), where),
                 .hint = fmt::format("stoker apps list --namespace {} shows those that are there", where)});
    return kExitNothingFound;
  }
  if (action.kind == spark::SubmissionAction::Kind::kill)
    return kill_all(cluster.client(), applications, grace_seconds);
  for (const Application& application : applications)
    print_status(application);
  return 0;
}

}  // namespace stoker::cli
