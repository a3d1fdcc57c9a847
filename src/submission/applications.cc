#include "submission/applications.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/strings.h"
#include "codec/time.h"
#include "resources/object.h"
#include "spark/resource_names.h"
#include "submission/labels.h"

namespace stoker::submission {

namespace {

using resources::label_of;
using resources::metadata_text;
using resources::object_in;
using resources::text_in;

std::optional<WallTime> time_in(const json::object& object, std::string_view key) {
  auto time = codec::parse_time(text_in(object, key));
  return time ? std::optional(time.value()) : std::nullopt;
}

std::string names_of(const std::vector<const Application*>& applications) {
  constexpr std::size_t kShown = 5;
  std::vector<std::string> names;
  for (const Application* application : applications)
    if (names.size() < kShown) names.push_back(application->describe());
  std::string text = join(names, ", ");
  if (applications.size() > kShown) text += fmt::format(" and {} more", applications.size() - kShown);
  return text;
}

bool goes_by(const Application& application, const std::string& name) {
  return name == application.application_id || name == application.submission_id || name == application.name ||
         name == application.operator_name ||
         (!application.name.empty() && spark::app_name_label(name) == application.name);  // as --name had it
}

std::int64_t executor_number(const json::object& pod) {
  const std::string id = label_of(pod, kExecutorIdLabel);
  std::int64_t number = 0;
  std::from_chars(id.data(), id.data() + id.size(), number);
  return number;
}

// Whether it is a name that Spark gives to executors of this driver: those that are gone are known by it alone.
bool is_executor_name(const Application& application, const std::string& pod) {
  constexpr std::string_view kDriverEnd = "-driver";
  if (!application.pod.ends_with(kDriverEnd)) return false;
  const std::string prefix = application.pod.substr(0, application.pod.size() - kDriverEnd.size()) + "-exec-";
  return pod.starts_with(prefix) && pod.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

ClusterEvent event_of(const json::object& event) {
  const json::object& about = object_in(event, "involvedObject");
  return {.time = time_of_event(event),
          .type = text_in(event, "type"),
          .reason = text_in(event, "reason"),
          .pod = text_in(about, "name"),
          .message = text_in(event, "message"),
          .count = std::max<std::int64_t>(resources::number_in(event, "count"), 1)};
}

}  // namespace

std::string_view Application::made_by() const {
  if (!submission_id.empty()) return "stoker";
  return operator_name.empty() ? "spark-submit" : "operator";
}

std::string Application::describe() const {
  return fmt::format("{}/{}", namespace_name, pod);
}

Application application_of(json::object driver) {
  Application application;
  application.namespace_name = metadata_text(driver, "namespace");
  application.pod = resources::name_of(driver);
  application.uid = metadata_text(driver, "uid");
  application.application_id = label_of(driver, kApplicationIdLabel);
  application.name = label_of(driver, kApplicationNameLabel);
  application.submission_id = label_of(driver, kSubmissionLabel);
  application.operator_name = label_of(driver, kOperatorNameLabel);
  application.spark_version = label_of(driver, kSparkVersionLabel);
  application.created = time_in(object_in(driver, "metadata"), "creationTimestamp");
  application.being_deleted = !metadata_text(driver, "deletionTimestamp").empty();
  application.state = spark::driver_state(driver);
  application.driver = std::move(driver);
  return application;
}

std::string state_text(const spark::DriverState& state) {
  std::string text(spark::driver_phase_name(state.phase));
  if (!state.reason.empty()) return fmt::format("{} ({})", text, state.reason);
  if (state.phase == spark::DriverPhase::failed && state.exit_code)
    return fmt::format("{} (exit code {})", text, *state.exit_code);
  return text;
}

std::string state_text(const Application& application) {
  const bool ending = application.being_deleted && !application.state.ended();
  return state_text(application.state) + (ending ? ", being deleted" : "");
}

Result<ApplicationName> parse_application_name(const std::string& text) {
  const std::size_t separator = text.find_first_of("/:");
  if (separator == std::string::npos && !text.empty()) return ApplicationName{.namespace_name = {}, .name = text};
  if (separator != std::string::npos && separator > 0 && separator + 1 < text.size() &&
      text.find_first_of("/:", separator + 1) == std::string::npos)
    return ApplicationName{.namespace_name = text.substr(0, separator), .name = text.substr(separator + 1)};
  return Error{.code = ErrorCode::usage,
               .message = fmt::format("\"{}\" names no application", text),
               .hint = "write POD, NAMESPACE/POD, NAMESPACE:POD, or an application's id, submission or name"};
}

Result<Application> choose_application(const std::vector<Application>& all, const ApplicationName& name) {
  std::vector<const Application*> pods;
  std::vector<const Application*> others;
  std::vector<std::string> known;
  for (const Application& application : all) {
    if (name.namespace_name && *name.namespace_name != application.namespace_name) continue;
    if (application.pod == name.name) pods.push_back(&application);
    if (goes_by(application, name.name)) others.push_back(&application);
    for (const std::string& one : {application.pod, application.name, application.operator_name,
                                   application.application_id, application.submission_id})
      if (!one.empty()) known.push_back(one);
  }
  const auto& found = pods.empty() ? others : pods;
  if (found.size() == 1) return *found.front();
  if (found.size() > 1)
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("{} is {} applications: {}", name.name, found.size(), names_of(found)),
                 .hint = "say which by NAMESPACE/POD"};
  const std::string near = did_you_mean(name.name, known);
  return Error{.code = ErrorCode::not_found,
               .message = fmt::format("there is no Spark application {}", name.name),
               .hint = near.empty() ? "stoker apps list shows those of a namespace, with -A all" : near};
}

Result<std::vector<Application>> list_applications(const runtime::Context& context, const kube::Client& client,
                                                   const std::string& namespace_name) {
  if (!namespace_name.empty() && !resources::is_dns_label(namespace_name))
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("\"{}\" is no name of a namespace", namespace_name),
                 .hint = fmt::format("it has {}", resources::kDnsLabelRule)};
  TRY_ASSIGN(kube::ObjectList drivers, client.list(context, kube::ObjectPath::all(kube::kPods, namespace_name),
                                                   {.labels = fmt::format("{}=driver", kRoleLabel), .fields = {}}));
  std::vector<Application> applications;
  for (json::object& driver : drivers.objects)
    applications.push_back(application_of(std::move(driver)));
  std::ranges::stable_sort(applications, {}, &Application::created);
  return applications;
}

Result<Application> find_application(const runtime::Context& context, const kube::Client& client,
                                     const std::string& namespace_name, const std::string& name) {
  TRY_ASSIGN(const ApplicationName wanted, parse_application_name(name));
  TRY_ASSIGN(const std::vector<Application> all,
             list_applications(context, client, wanted.namespace_name.value_or(namespace_name)));
  auto found = choose_application(all, wanted);
  if (found || found.error().code != ErrorCode::not_found) return found;
  const std::string where = wanted.namespace_name.value_or(namespace_name);
  Error error = std::move(found).error();
  error.message += where.empty() ? " in any namespace" : fmt::format(" in the namespace {}", where);
  return error;
}

Result<std::vector<json::object>> list_executors(const runtime::Context& context, const kube::Client& client,
                                                 const Application& application) {
  if (application.application_id.empty()) return std::vector<json::object>();
  TRY_ASSIGN(kube::ObjectList pods, client.list(context, kube::ObjectPath::all(kube::kPods, application.namespace_name),
                                                {.labels = fmt::format("{}=executor,{}={}", kRoleLabel,
                                                                       kApplicationIdLabel, application.application_id),
                                                 .fields = {}}));
  std::ranges::stable_sort(pods.objects, {}, executor_number);
  return std::move(pods.objects);
}

Result<std::vector<json::object>> list_all_executors(const runtime::Context& context, const kube::Client& client,
                                                     const std::string& namespace_name) {
  TRY_ASSIGN(kube::ObjectList pods, client.list(context, kube::ObjectPath::all(kube::kPods, namespace_name),
                                                {.labels = fmt::format("{}=executor", kRoleLabel), .fields = {}}));
  return std::move(pods.objects);
}

std::size_t running_executors(const Application& application, const std::vector<json::object>& executors) {
  if (application.application_id.empty()) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(executors, [&](const json::object& pod) {
    return label_of(pod, kApplicationIdLabel) == application.application_id &&
           metadata_text(pod, "namespace") == application.namespace_name &&
           text_in(object_in(pod, "status"), "phase") == "Running";
  }));
}

std::vector<ClusterEvent> events_of(const Application& application, const std::vector<json::object>& executors,
                                    const std::vector<json::object>& events) {
  std::set<std::string> uids = {application.uid};
  for (const json::object& executor : executors)
    uids.insert(metadata_text(executor, "uid"));
  std::vector<ClusterEvent> rows;
  for (const json::object& event : events) {
    const json::object& about = object_in(event, "involvedObject");
    if (uids.contains(text_in(about, "uid")) || is_executor_name(application, text_in(about, "name")))
      rows.push_back(event_of(event));
  }
  std::ranges::stable_sort(rows, {}, &ClusterEvent::time);
  return rows;
}

Result<std::vector<ClusterEvent>> list_events(const runtime::Context& context, const kube::Client& client,
                                              const Application& application,
                                              const std::vector<json::object>& executors) {
  TRY_ASSIGN(const kube::ObjectList events,
             client.list(context, kube::ObjectPath::all(kube::kEvents, application.namespace_name),
                         {.labels = {}, .fields = "involvedObject.kind=Pod"}));
  return events_of(application, executors, events.objects);
}

std::optional<StartProblem> why_it_waits(const Application& application, const std::vector<ClusterEvent>& events) {
  if (application.state.phase != spark::DriverPhase::waiting) return std::nullopt;
  if (auto problem = problem_of_pod(application.driver, application.state)) return problem;
  std::optional<StartProblem> last;
  for (const ClusterEvent& event : events) {
    if (event.pod != application.pod) continue;
    const json::object said{{"type", event.type}, {"reason", event.reason}, {"message", event.message}};
    if (is_progress(said)) last.reset();
    if (auto problem = problem_of_event(said)) last = std::move(problem);
  }
  return last;
}

Result<KillOutcome> kill_application(const runtime::Context& context, const kube::Client& client,
                                     const Application& application, std::optional<std::int64_t> grace_seconds) {
  kube::ObjectPath path = kube::ObjectPath::all(kube::kPods, application.namespace_name);
  path.name = application.pod;
  auto removed = client.remove(context, path, {.uid = application.uid, .resource_version = {}}, grace_seconds);
  if (removed) return KillOutcome::asked;
  // A conflict: what has the name now is another.
  if (removed.error().code == ErrorCode::not_found || removed.error().code == ErrorCode::conflict)
    return KillOutcome::gone;
  return std::move(removed).error();
}

std::string killed_text(const Application& application, KillOutcome outcome) {
  return fmt::format("driver {} {}", application.describe(),
                     outcome == KillOutcome::gone ? "was gone already" : "deleted");
}

}  // namespace stoker::submission
