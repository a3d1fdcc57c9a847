// Every case that was recorded of the real spark-submit: the same objects, and the same refusals.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml_data.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>

#include "base/strings.h"
#include "codec/base64.h"
#include "resources/object.h"
#include "spark/golden_compare.h"
#include "spark/submission_plan.h"
#include "spark/test_support.h"
#include "spark/test_surroundings.h"

namespace stoker::spark::testing {
namespace {

// The names that stand for places in the records.
const std::map<std::string, std::string> kPlaces = {{"${MASTER}", "k8s://http://127.0.0.1:16443"},
                                                    {"${API}", "http://127.0.0.1:16443"},
                                                    {"${WORK}", "/here"},
                                                    {"${SPARK_HOME}", "/spark"}};

std::string placed(std::string text) {
  for (const auto& [mark, place] : kPlaces)
    for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += place.size())
      text.replace(at, mark.size(), place);
  return text;
}

std::string content_of(const json::value& file) {
  if (file.is_string()) return placed(std::string(file.get_string()));
  return codec::decode_base64(std::string_view(file.at("base64").as_string())).value();
}

MemorySurroundings surroundings_of(const json::object& golden) {
  MemorySurroundings machine;
  machine.current_folder = kPlaces.at("${WORK}");
  for (const auto& member : golden.at("env").as_object())
    machine.variables[std::string(member.key())] = placed(std::string(member.value().as_string()));
  for (const auto& member : golden.at("files").as_object())
    machine.files[machine.current_folder + "/" + std::string(member.key())] = content_of(member.value());
  for (const json::value& folder : golden.at("dirs").as_array())
    machine.folders.insert(machine.current_folder + "/" + std::string(folder.as_string()));
  return machine;
}

std::string drawn(const json::object& golden, std::string_view name) {
  const json::value* value = golden.at("drawn").as_object().if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// What the real one drew, so that ours must come out the same.
Identifiers identifiers_of(const json::object& golden) {
  const auto between = [](const std::string& text, std::string_view before, std::string_view behind) {
    return text.starts_with(before) && text.ends_with(behind)
               ? text.substr(before.size(), text.size() - before.size() - behind.size())
               : std::string();
  };
  Identifiers identifiers;
  identifiers.application_id = drawn(golden, "app_id");
  if (identifiers.application_id.empty()) identifiers.application_id = "spark-0";  // the real one came to none
  identifiers.unique = drawn(golden, "name_suffix");
  identifiers.configuration_unique = between(drawn(golden, "conf_map_name"), "spark-drv-", "-conf-map");
  identifiers.service_unique = between(drawn(golden, "service_name"), "spark-", "-driver-svc");
  identifiers.local_folder = drawn(golden, "local_dir_uuid");
  // Where the name is nothing but what is unique, its first digit became an x.
  if (identifiers.unique.empty() && drawn(golden, "driver_pod_name").starts_with('x'))
    identifiers.unique = "0" + between(drawn(golden, "driver_pod_name"), "x", "-driver");
  const std::string time = drawn(golden, "submit_time");
  identifiers.submit_time_ms = time.empty() ? 0 : std::stoll(time);
  return identifiers;
}

Result<SubmissionPlan> plan_of(const json::object& golden, const std::string& version) {
  std::vector<std::string> words;
  for (const json::value& word : golden.at("argv").as_array()) {
    words.push_back(placed(std::string(word.as_string())));
    std::erase(words.back(), '\r');  // as the shell script before Spark does
  }
  const MemorySurroundings machine = surroundings_of(golden);
  TRY_ASSIGN(const SparkVersion spark, parse_spark_version(version));
  TRY_ASSIGN(const SubmitArguments arguments, parse_submit_arguments(words));
  TRY_ASSIGN(const SubmitRequest request, resolve_submit_request(arguments, spark, machine));
  return plan_submission(request, spark, identifiers_of(golden), machine);
}

using Objects = std::map<std::string, json::object>;

std::string key_of(const json::object& object) {
  return fmt::format("{} {}", resources::kind_of(object), without_drawn(resources::name_of(object)));
}

Objects recorded_objects(const json::object& golden) {
  Objects objects;
  const json::value all = codec::parse_json(placed(codec::write_json(golden.at("objects")))).value();
  for (const json::value& object : all.as_array())
    objects.try_emplace(key_of(object.as_object()), object.as_object());
  return objects;
}

Objects planned_objects(const SubmissionPlan& plan) {
  Objects objects;
  for (const json::object& group : plan.groups)
    objects.emplace(key_of(group), group);
  for (const json::object& dependant : plan.dependants)
    objects.emplace(key_of(dependant), dependant);
  objects.emplace(key_of(plan.driver), plan.driver);
  return objects;
}

std::string name_of_case(const json::object& golden) {
  return std::string(golden.at("case").as_string());
}

// Cases that are about something else than the objects.
bool is_of_another_part(const std::string& name) {
  return name.starts_with("kill-") || name.starts_with("status-");
}

std::string differences_of(const json::object& golden, const SubmissionPlan& plan) {
  const Objects theirs = recorded_objects(golden);
  const Objects ours = planned_objects(plan);
  // Where the API server refused something the rest was never sent.
  const bool is_whole = !name_of_case(golden).starts_with("api-");
  std::string text;
  for (const auto& [key, object] : theirs)
    if (!ours.contains(key))
      text += fmt::format("  only spark-submit makes {}\n", key);
    else if (const auto found = compare_objects(object, ours.at(key)); !found.empty())
      text += fmt::format("  {}\n{}", key, describe(found));
  for (const auto& [key, object] : ours)
    if (!theirs.contains(key) && is_whole) text += fmt::format("  only stoker makes {}\n", key);
  return text;
}

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What differs on purpose.
json::array wanted_differences() {
  return test_data::yaml_of_file(STOKER_TEST_DATA "/spark/differences.yaml").as_array();
}

// `says` are the words of our refusal, if any.
bool differs_on_purpose(const json::array& rows, const std::string& name, const std::string& version,
                        std::string_view how, std::string_view says = {}) {
  return std::ranges::any_of(rows, [&](const json::value& row) {
    const json::object& fields = row.as_object();
    if (how != fields.at("ours").as_string()) return false;
    if (const json::value* words = fields.if_contains("says"))
      return says.find(std::string_view(words->as_string())) != std::string_view::npos;
    if (name != fields.at("case").as_string()) return false;
    const json::value* versions = fields.if_contains("versions");
    return versions == nullptr ||
           std::ranges::find(versions->as_array(), json::value(version)) != versions->as_array().end();
  });
}

// STOKER_PLANNED_OBJECTS is a file that gets every object, a line each: what tests/integration/test_goldens_accepted.py
// shows to a real API server.
void write_down(const std::string& version, const std::string& name, const SubmissionPlan& plan) {
  const char* path = std::getenv("STOKER_PLANNED_OBJECTS");  // NOLINT(concurrency-mt-unsafe)
  if (path == nullptr) return;
  std::ofstream file(path, std::ios::app);
  for (const auto& [key, object] : planned_objects(plan))
    file << codec::write_json(json::object{{"version", version}, {"case", name}, {"object", object}}) << '\n';
}

TEST(Goldens, AreTheSameObjects) {
  const json::array on_purpose = wanted_differences();
  std::size_t compared = 0;
  for (const GoldenFile& file : golden_files())
    for (const json::object& golden : file.cases) {
      const std::string name = name_of_case(golden);
      if (golden.at("objects").as_array().empty() || is_of_another_part(name)) continue;
      const auto plan = plan_of(golden, file.version);
      const std::string refusal = plan.ok() ? "" : plan.error().describe();
      EXPECT_EQ(plan.ok(), !differs_on_purpose(on_purpose, name, file.version, "refuses", refusal))
          << file.version << " " << name << ": " << refusal;
      if (!plan.ok()) continue;
      EXPECT_EQ(differences_of(golden, *plan), "") << file.version << " " << name;
      write_down(file.version, name, *plan);
      ++compared;
    }
  EXPECT_GT(compared, 250U);
}

TEST(Goldens, AreTheSameRefusals) {
  const json::array on_purpose = wanted_differences();
  // Of each case, words of our message: the same reason, not only an error.
  const json::value words = test_data::yaml_of_file(STOKER_TEST_DATA "/spark/refusals.yaml");
  std::size_t refused = 0;
  for (const GoldenFile& file : golden_files())
    for (const json::object& golden : file.cases) {
      const std::string name = name_of_case(golden);
      if (!golden.at("objects").as_array().empty() || is_of_another_part(name) || name.starts_with("api-")) continue;
      const auto plan = plan_of(golden, file.version);
      EXPECT_EQ(plan.ok(), differs_on_purpose(on_purpose, name, file.version, "accepts"))
          << file.version << " " << name;
      if (plan.ok()) {
        write_down(file.version, name, *plan);
        continue;
      }
      ++refused;
      const std::string message = plan.error().describe();
      const json::value* wanted = words.as_object().if_contains(name);
      EXPECT_TRUE(wanted != nullptr && message.find(std::string_view(wanted->as_string())) != std::string::npos)
          << file.version << " " << name << ": " << message;
    }
  EXPECT_GE(refused, 80U);
}

TEST(Goldens, DifferOnlyWhereTheDocsSayWhy) {
  const std::string docs = file_text(STOKER_TEST_DATA "/../../docs/reference/spark-submit-differences.md");
  for (const json::value& row : wanted_differences()) {
    const std::string reason(row.at("reason").as_string());
    EXPECT_NE(docs.find(reason), std::string::npos) << reason;
  }
}

}  // namespace
}  // namespace stoker::spark::testing
