#include "submission/applications.h"

#include <gtest/gtest.h>

namespace stoker::submission {
namespace {

json::object driver(std::string_view name, json::object labels, std::string_view namespace_name = "ml") {
  return {{"metadata", {{"name", name}, {"namespace", namespace_name}, {"uid", name}, {"labels", std::move(labels)}}}};
}

std::vector<Application> some() {
  std::vector<Application> all;
  all.push_back(application_of(driver("pi-driver", {{"spark-app-selector", "spark-1"}, {"spark-app-name", "pi"}})));
  all.push_back(application_of(
      driver("pi-2-driver",
             {{"spark-app-selector", "spark-2"}, {"spark-app-name", "pi"}, {"stoker.dev/submission", "nightly-7"}})));
  all.push_back(application_of(driver("etl-driver", {{"sparkoperator.k8s.io/app-name", "etl"}}, "other")));
  return all;
}

std::string chosen(const std::string& text) {
  const auto name = parse_application_name(text);
  if (!name) return name.error().message;
  const auto found = choose_application(some(), name.value());
  return found ? found.value().describe() : found.error().message + "; " + found.error().hint;
}

TEST(Application, KnowsWhoMadeIt) {
  const auto all = some();
  EXPECT_EQ(all[0].made_by(), "spark-submit");
  EXPECT_EQ(all[1].made_by(), "stoker");
  EXPECT_EQ(all[2].made_by(), "operator");
}

TEST(Application, GoesByManyNames) {
  for (const char* name : {"pi-driver", "ml/pi-driver", "ml:pi-driver", "spark-1"})
    EXPECT_EQ(chosen(name), "ml/pi-driver") << name;
  for (const char* name : {"nightly-7", "ml/nightly-7", "spark-2"})
    EXPECT_EQ(chosen(name), "ml/pi-2-driver") << name;
  EXPECT_EQ(chosen("etl"), "other/etl-driver");
}

TEST(Application, SaysTheNearestOrTheCandidates) {
  EXPECT_EQ(chosen("pi"), "pi is 2 applications: ml/pi-driver, ml/pi-2-driver; say which by NAMESPACE/POD");
  EXPECT_EQ(chosen("etl-drivr"), "there is no Spark application etl-drivr; did you mean \"etl-driver\"?");
  EXPECT_NE(chosen("ml/etl-driver").find("there is no"), std::string::npos);
  for (const char* name : {"", "/", "a/", ":b", "a/b/c", "a:b:c"})
    EXPECT_NE(chosen(name).find("names no application"), std::string::npos) << name;
}

TEST(Application, SaysItsState) {
  Application application = some().front();
  EXPECT_EQ(state_text(application), "waiting");
  application.state = {.phase = spark::DriverPhase::failed, .exit_code = 3};
  EXPECT_EQ(state_text(application), "failed (exit code 3)");
  application.state.reason = "OOMKilled";
  EXPECT_EQ(state_text(application), "failed (OOMKilled)");
  application.being_deleted = true;
  EXPECT_EQ(state_text(application), "failed (OOMKilled)");
  application.state = {.phase = spark::DriverPhase::running};
  EXPECT_EQ(state_text(application), "running, being deleted");
}

TEST(Application, CountsItsRunningExecutors) {
  const auto executor = [](std::string_view app, std::string_view phase, std::string_view namespace_name) {
    return json::object{{"metadata", {{"namespace", namespace_name}, {"labels", {{"spark-app-selector", app}}}}},
                        {"status", {{"phase", phase}}}};
  };
  const std::vector<json::object> pods = {executor("spark-1", "Running", "ml"), executor("spark-1", "Pending", "ml"),
                                          executor("spark-2", "Running", "ml"), executor("spark-1", "Running", "x")};
  EXPECT_EQ(running_executors(some()[0], pods), 1U);
  EXPECT_EQ(running_executors(some()[2], pods), 0U);  // it has no id
}

json::object event(std::string_view pod, std::string_view uid, json::object times) {
  json::object made{{"involvedObject", {{"name", pod}, {"uid", uid}}}, {"reason", pod}, {"type", "Warning"}};
  for (const auto& time : times)
    made[time.key()] = time.value();
  return made;
}

TEST(Application, HasItsEventsInTheOrderOfTime) {
  const std::vector<json::object> events = {
      event("pi-exec-7", "gone", {{"lastTimestamp", "2026-01-01T00:00:03Z"}, {"count", 4}}),
      event("pi-driver", "pi-driver", {{"lastTimestamp", nullptr}, {"eventTime", "2026-01-01T00:00:02.5Z"}}),
      event("named-by-template", "e1", {{"lastTimestamp", "2026-01-01T00:00:01Z"}}),
      event("pi-driver", "an-earlier-one", {{"lastTimestamp", "2026-01-01T00:00:00Z"}}),
      event("pi-exec-x", "other", {{"lastTimestamp", "2026-01-01T00:00:00Z"}})};
  const auto rows = events_of(some()[0], {json::object{{"metadata", {{"uid", "e1"}}}}}, events);
  std::vector<std::string> pods;
  for (const auto& row : rows)
    pods.push_back(row.pod);
  EXPECT_EQ(pods, (std::vector<std::string>{"named-by-template", "pi-driver", "pi-exec-7"}));
  EXPECT_EQ(rows.back().count, 4);
}

TEST(Application, WaitsForWhatAnEventSays) {
  const std::vector<ClusterEvent> events = {
      {.time = {}, .type = "Warning", .reason = "FailedMount", .pod = "pi-driver", .message = "no secret"},
      {.time = {}, .type = "Warning", .reason = "FailedMount", .pod = "pi-exec-1", .message = "not this"}};
  EXPECT_EQ(why_it_waits(some()[0], events)->text, "a volume cannot be mounted: no secret");
  Application running = some()[0];
  running.state.phase = spark::DriverPhase::running;
  EXPECT_EQ(why_it_waits(running, events), std::nullopt);
}

}  // namespace
}  // namespace stoker::submission
