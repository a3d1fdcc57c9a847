// Spark applications of a cluster as their driver pods show them, whoever made those: Stoker, spark-submit or the
// Kubeflow operator.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "codec/json.h"
#include "kube/client.h"
#include "spark/driver_state.h"
#include "submission/start_problem.h"

namespace stoker::submission {

// Spark's labels (3.3 to 4.3), and one of the operator.
inline constexpr std::string_view kRoleLabel = "spark-role";
inline constexpr std::string_view kApplicationIdLabel = "spark-app-selector";
inline constexpr std::string_view kApplicationNameLabel = "spark-app-name";
inline constexpr std::string_view kSparkVersionLabel = "spark-version";
inline constexpr std::string_view kExecutorIdLabel = "spark-exec-id";
inline constexpr std::string_view kOperatorNameLabel = "sparkoperator.k8s.io/app-name";

struct Application {
  std::string namespace_name;
  std::string pod;
  std::string uid;
  std::string application_id;
  std::string name;           // as the label has it
  std::string submission_id;  // "" when Stoker did not make it
  std::string operator_name;  // of its SparkApplication; ""
  std::string spark_version;  // ""
  std::optional<WallTime> created;
  bool being_deleted = false;
  spark::DriverState state;
  json::object driver;

  std::string_view made_by() const;  // stoker, spark-submit, operator
  std::string describe() const;      // "ml/pi-driver"
};

// Pure: of a driver's pod.
Application application_of(json::object driver);
// "running", "waiting (ImagePullBackOff)", "failed (exit code 3)", "running, being deleted".
std::string state_text(const Application& application);
std::string state_text(const spark::DriverState& state);

// What a person calls an application: [namespace/]pod, namespace:pod, or an application id, a submission or a name.
struct ApplicationName {
  std::optional<std::string> namespace_name;
  std::string name;
};
// Errors: usage.
Result<ApplicationName> parse_application_name(const std::string& text);
// The one of them that is meant: the pod of that name, else the only one that has it as its id, submission or name.
// Errors: not_found with the nearest, usage when it is several.
Result<Application> choose_application(const std::vector<Application>& all, const ApplicationName& name);

// The drivers of a namespace, or with "" of all, the oldest first. Errors: usage for what is no name of a namespace.
Result<std::vector<Application>> list_applications(const runtime::Context& context, const kube::Client& client,
                                                   const std::string& namespace_name);
// The one that is meant by `name`, in the namespace that the name says, else in `namespace_name` ("" is all).
Result<Application> find_application(const runtime::Context& context, const kube::Client& client,
                                     const std::string& namespace_name, const std::string& name);
// Its executors' pods, by their ids. None for an application whose driver has no id.
Result<std::vector<json::object>> list_executors(const runtime::Context& context, const kube::Client& client,
                                                 const Application& application);
// All executors of a namespace, or with "" of all.
Result<std::vector<json::object>> list_all_executors(const runtime::Context& context, const kube::Client& client,
                                                     const std::string& namespace_name);
// How many of these pods are of the application and run.
std::size_t running_executors(const Application& application, const std::vector<json::object>& executors);

struct ClusterEvent {
  std::optional<WallTime> time;
  std::string type;    // Normal, Warning
  std::string reason;  // FailedScheduling
  std::string pod;
  std::string message;
  std::int64_t count = 1;
};
// Pure: those of the driver and its executors, also of executors that are gone, in the order of time.
std::vector<ClusterEvent> events_of(const Application& application, const std::vector<json::object>& executors,
                                    const std::vector<json::object>& events);
Result<std::vector<ClusterEvent>> list_events(const runtime::Context& context, const kube::Client& client,
                                              const Application& application,
                                              const std::vector<json::object>& executors);

// By what the pod says, else by the latest event that says it; none when it does not wait or nothing is wrong.
std::optional<StartProblem> why_it_waits(const Application& application, const std::vector<ClusterEvent>& events);

enum class KillOutcome { asked, gone };
// Gone: there was no such pod any more. Another of the same name is left alone.
Result<KillOutcome> kill_application(const runtime::Context& context, const kube::Client& client,
                                     const Application& application, std::optional<std::int64_t> grace_seconds);

// "driver ml/pi deleted"
std::string killed_text(const Application& application, KillOutcome outcome);

}  // namespace stoker::submission
