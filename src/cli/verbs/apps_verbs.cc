#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/cluster.h"
#include "cli/output.h"
#include "cli/verbs/verbs.h"
#include "cli/view/run_view.h"
#include "codec/time.h"
#include "resources/object.h"
#include "submission/applications.h"
#include "submission/labels.h"
#include "submission/leftovers.h"
#include "submission/start_problem.h"

namespace stoker::cli {

namespace {

using resources::metadata_text;
using resources::text_in;
using submission::Application;

std::string age_text(const std::optional<WallTime>& time, WallTime now) {
  return time ? human_duration(
                    std::max(std::chrono::floor<std::chrono::milliseconds>(now - *time), std::chrono::milliseconds(0)))
              : "";
}

json::object application_json(const Application& application) {
  const spark::DriverState& state = application.state;
  return {{"namespace", application.namespace_name},
          {"name", application.pod},
          {"uid", application.uid},
          {"state", spark::driver_phase_name(state.phase)},
          {"reason", state.reason},
          {"message", state.message},
          {"exit_code", state.exit_code ? json::value(*state.exit_code) : json::value()},
          {"being_deleted", application.being_deleted},
          {"node", state.node},
          {"created", time_json(application.created)},
          {"spark_version", application.spark_version},
          {"by", application.made_by()},
          {"application_id", application.application_id},
          {"application_name", application.name},
          {"submission_id", application.submission_id},
          {"operator_name", application.operator_name}};
}

// The state of an executor's pod is found as a driver's is.
json::object executor_json(const json::object& pod) {
  const spark::DriverState state = spark::driver_state(pod);
  return {{"id", resources::label_of(pod, submission::kExecutorIdLabel)},
          {"name", resources::name_of(pod)},
          {"state", spark::driver_phase_name(state.phase)},
          {"reason", state.reason},
          {"message", state.message},
          {"exit_code", state.exit_code ? json::value(*state.exit_code) : json::value()},
          {"node", state.node}};
}

json::object event_json(const submission::ClusterEvent& event) {
  return {{"time", time_json(event.time)}, {"type", event.type},  {"reason", event.reason}, {"pod", event.pod},
          {"message", event.message},      {"count", event.count}};
}

void print_events(const std::vector<submission::ClusterEvent>& events) {
  Table table({"TIME", "TYPE", "REASON", "POD", "MESSAGE"});
  for (const submission::ClusterEvent& event : events)
    table.add({event.time ? human_time(*event.time) : "", event.type, event.reason, event.pod,
               event.count > 1 ? fmt::format("{} (x{})", event.message, event.count) : event.message});
  print_table(table);
}

void print_row(std::string_view what, const std::string& text) {
  if (!text.empty()) print(fmt::format("{:<12}{}\n", what, text));
}

std::string owners_text(const json::object& driver) {
  std::string text;
  for (const json::value& owner : resources::list_in(resources::object_in(driver, "metadata"), "ownerReferences"))
    if (owner.is_object())
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", text_in(owner.get_object(), "kind"),
                          text_in(owner.get_object(), "name"));
  return text;
}

struct Details {
  Application application;
  std::vector<json::object> executors;
  std::vector<submission::ClusterEvent> events;
  std::optional<submission::StartProblem> problem;
  std::string trouble;  // why there are no events
};

Result<Details> load_details(const Program& program, const ClusterOptions& where, const std::string& name) {
  TRY_ASSIGN(const auto cluster, open_cluster(program, where));
  const kube::Client& client = cluster->client();
  Details details;
  TRY_ASSIGN(details.application, submission::find_application({}, client, namespace_of(where, *cluster), name));
  TRY_ASSIGN(details.executors, submission::list_executors({}, client, details.application));
  auto events = submission::list_events({}, client, details.application, details.executors);
  // Events are a help; who may not see them sees the rest.
  if (events)
    details.events = std::move(events).value();
  else
    details.trouble = events.error().describe();
  details.problem = submission::why_it_waits(details.application, details.events);
  return details;
}

json::object details_json(const Details& details) {
  json::object shown = application_json(details.application);
  json::array executors;
  for (const json::object& executor : details.executors)
    executors.emplace_back(executor_json(executor));
  json::array events;
  for (const submission::ClusterEvent& event : details.events)
    events.emplace_back(event_json(event));
  const json::object& metadata = resources::object_in(details.application.driver, "metadata");
  shown["problem"] =
      details.problem ? json::value{{"text", details.problem->text}, {"hint", details.problem->hint}} : json::value();
  shown["owners"] = resources::list_in(metadata, "ownerReferences");
  shown["labels"] = resources::object_in(metadata, "labels");
  shown["executors"] = std::move(executors);
  shown["events"] = std::move(events);
  return shown;
}

void print_executors(const std::vector<json::object>& executors) {
  if (executors.empty()) return;
  Table table({"EXECUTOR", "STATE", "NODE", "POD"});
  for (const json::object& pod : executors) {
    const spark::DriverState state = spark::driver_state(pod);
    table.add({resources::label_of(pod, submission::kExecutorIdLabel), submission::state_text(state), state.node,
               std::string(resources::name_of(pod))});
  }
  print("\n");
  print_table(table);
}

void print_details(const Details& details, WallTime now) {
  const Application& application = details.application;
  const spark::DriverState& state = application.state;
  print_row("driver", application.describe());
  print_row("state", submission::state_text(application));
  if (details.problem) {
    print_row("waits", details.problem->text);
    print_row("", details.problem->hint);
  } else {
    print_row("message", state.message);
  }
  if (state.exit_code) print_row("exit code", std::to_string(*state.exit_code));
  print_row("node", state.node);
  if (application.created)
    print_row("created", fmt::format("{}, {}", human_time(*application.created), human_age(*application.created, now)));
  print_row("by", std::string(application.made_by()));
  print_row("owners", owners_text(application.driver));
  print_row("id", application.application_id);
  print_row("name", application.name);
  print_row("submission", application.submission_id);
  print_row("operator", application.operator_name);
  print_row("Spark", application.spark_version);
  print_executors(details.executors);
  constexpr std::size_t kRecent = 10;
  if (!details.events.empty()) {
    const auto first = details.events.end() - static_cast<std::ptrdiff_t>(std::min(kRecent, details.events.size()));
    print("\n");
    print_events({first, details.events.end()});
  } else if (!details.trouble.empty()) {
    print("\nno events: " + details.trouble + "\n");
  }
}

// What is meant by several names, each once.
Result<std::vector<Application>> find_all(const kube::Client& client, const std::string& namespace_name,
                                          const std::vector<std::string>& names) {
  std::vector<Application> found;
  std::set<std::string> uids;
  for (const std::string& name : names) {
    TRY_ASSIGN(Application application, submission::find_application({}, client, namespace_name, name));
    if (uids.insert(application.uid).second) found.push_back(std::move(application));
  }
  return found;
}

// Those that have unfinished submissions.
Result<std::vector<std::string>> namespaces_to_clean(const kube::Client& client, const std::string& namespace_name) {
  if (!namespace_name.empty()) return std::vector<std::string>{namespace_name};
  TRY_ASSIGN(const kube::ObjectList anchors,
             client.list({}, kube::ObjectPath::all(kube::kConfigMaps, {}),
                         {.labels = std::string(submission::kUnfinishedLabel), .fields = {}}));
  std::set<std::string> names;
  for (const json::object& anchor : anchors.objects)
    names.insert(metadata_text(anchor, "namespace"));
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace

Result<int> run_apps_list(const Program& program, const CommonOptions& common, const AppsListCommand& command) {
  TRY_ASSIGN(const auto cluster, open_cluster(program, command.where));
  const std::string where = namespace_of(command.where, *cluster);
  TRY_ASSIGN(const auto applications, submission::list_applications({}, cluster->client(), where));
  std::vector<json::object> executors;
  if (!applications.empty()) {
    TRY_ASSIGN(executors, submission::list_all_executors({}, cluster->client(), where));
  }
  const WallTime now = program.clock.wall_now();
  const bool all = command.where.all_namespaces;
  json::array list;
  Table table(all ? std::vector<std::string>{"NAMESPACE", "NAME", "STATE", "EXECUTORS", "AGE", "VERSION", "BY"}
                  : std::vector<std::string>{"NAME", "STATE", "EXECUTORS", "AGE", "VERSION", "BY"});
  for (const Application& application : applications) {
    const std::size_t running = submission::running_executors(application, executors);
    if (common.json) {
      list.emplace_back(application_json(application)).get_object()["executors"] = running;
      continue;
    }
    std::vector<std::string> row = {application.pod,           submission::state_text(application),
                                    std::to_string(running),   age_text(application.created, now),
                                    application.spark_version, std::string(application.made_by())};
    if (all) row.insert(row.begin(), application.namespace_name);
    table.add(std::move(row));
  }
  if (common.json)
    print_json(list);
  else if (applications.empty())
    say("no Spark applications " + (where.empty() ? "in any namespace" : "in the namespace " + where));
  else
    print_table(table);
  return 0;
}

Result<int> run_apps_show(const Program& program, const CommonOptions& common, const AppsShowCommand& command) {
  TRY_ASSIGN(const Details details, load_details(program, command.where, command.app));
  if (common.json)
    print_json(details_json(details));
  else
    print_details(details, program.clock.wall_now());
  return 0;
}

Result<int> run_apps_events(const Program& program, const CommonOptions& common, const AppsEventsCommand& command) {
  TRY_ASSIGN(const auto cluster, open_cluster(program, command.where));
  const kube::Client& client = cluster->client();
  TRY_ASSIGN(const Application application,
             submission::find_application({}, client, namespace_of(command.where, *cluster), command.app));
  TRY_ASSIGN(const auto executors, submission::list_executors({}, client, application));
  TRY_ASSIGN(const auto events, submission::list_events({}, client, application, executors));
  if (common.json) {
    json::array list;
    for (const submission::ClusterEvent& event : events)
      list.emplace_back(event_json(event));
    print_json(list);
  } else if (events.empty()) {
    say(fmt::format("no events of {}; a cluster keeps them for an hour", application.describe()));
  } else {
    print_events(events);
  }
  return 0;
}

Result<int> run_apps_kill(const Program& program, const CommonOptions& common, const AppsKillCommand& command) {
  TRY_ASSIGN(const auto cluster, open_cluster(program, command.where));
  const kube::Client& client = cluster->client();
  // All names are found before the first is ended: a wrong one ends nothing.
  TRY_ASSIGN(const auto applications, find_all(client, namespace_of(command.where, *cluster), command.apps));
  json::array list;
  int code = 0;
  for (const Application& application : applications) {
    const auto killed = submission::kill_application({}, client, application, command.grace_period);
    if (!killed) {
      print_error(killed.error());
      code = exit_code(killed.error().code);
    }
    const bool gone = killed && killed.value() == submission::KillOutcome::gone;
    const char* outcome = !killed ? "failed" : gone ? "gone" : "deleted";
    list.push_back(
        json::object{{"namespace", application.namespace_name}, {"name", application.pod}, {"outcome", outcome}});
    if (!common.json && killed) print(submission::killed_text(application, *killed) + "\n");
  }
  if (common.json) print_json(list);
  return code;
}

Result<int> run_apps_cleanup(const Program& program, const CommonOptions& common, const AppsCleanupCommand& command) {
  TRY_ASSIGN(const auto cluster, open_cluster(program, command.where));
  TRY_ASSIGN(const auto namespaces, namespaces_to_clean(cluster->client(), namespace_of(command.where, *cluster)));
  json::array list;
  std::optional<Error> failure;  // what was removed before it is said all the same
  for (const std::string& name : namespaces) {
    const auto leftovers = submission::clean_up({}, cluster->client(), name);
    if (!leftovers) {
      failure = Error(leftovers.error()).with_context(fmt::format("cleaning up {}", name));
      break;
    }
    for (const submission::Leftover& leftover : *leftovers) {
      const std::string_view outcome = submission::outcome_name(leftover.outcome);
      list.push_back(json::object{{"namespace", name},
                                  {"submission_id", leftover.submission_id},
                                  {"config_map", leftover.anchor},
                                  {"outcome", outcome}});
      if (!common.json)
        print(fmt::format("{} the submission {} of {} ({})\n", outcome, leftover.submission_id, name, leftover.anchor));
    }
  }
  if (common.json)
    print_json(list);
  else if (list.empty() && !failure)
    print("nothing to clean up\n");
  if (failure) return *std::move(failure);
  return 0;
}

}  // namespace stoker::cli
