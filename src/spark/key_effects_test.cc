// Every key of Kubernetes that a Spark registers changes the objects of a submission, or is listed with the reason why
// it does not: tests/data/spark/key-effects.yaml.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml_data.h>

#include <fstream>
#include <map>
#include <set>

#include "spark/submission_plan.h"
#include "spark/test_surroundings.h"

namespace stoker::spark::testing {
namespace {

using Properties = std::map<std::string, std::string>;

MemorySurroundings machine() {
  MemorySurroundings machine;
  machine.files["/here/two.yaml"] = "kind: Pod\nspec:\n  containers: [{name: a}, {name: b}]\n";
  machine.files["/conf/log4j2.properties"] = "rootLogger.level = warn\n";
  machine.variables["SPARK_CONF_DIR"] = "/conf";
  return machine;
}

Result<SubmissionPlan> plan_with(const Properties& properties, const SparkVersion& version) {
  std::vector<std::string> words = {"--master", "k8s://https://h", "--deploy-mode", "cluster"};
  Properties all = properties;
  all.try_emplace("spark.kubernetes.container.image", "image");
  for (const auto& [key, value] : all) {
    words.emplace_back("--conf");
    words.push_back(fmt::format("{}={}", key, value));
  }
  for (const char* word : {"--class", "Main", "local:///app.jar"})
    words.emplace_back(word);
  const MemorySurroundings here = machine();
  TRY_ASSIGN(const SubmitArguments arguments, parse_submit_arguments(words));
  TRY_ASSIGN(const SubmitRequest request, resolve_submit_request(arguments, version, here));
  return plan_submission(request, version, {"spark-1", "0a", "0b", "0c", "0d", 1}, here);
}

// All objects as one text, without the properties that the driver gets, which have every key.
std::string objects_of(const SubmissionPlan& plan) {
  json::array objects{plan.driver, json::value(plan.namespace_name)};
  for (const auto* list : {&plan.groups, &plan.dependants})
    for (const json::object& object : *list) {
      json::value copy = object;
      if (json::value* data = copy.get_object().if_contains("data")) data->as_object().erase("spark.properties");
      objects.push_back(std::move(copy));
    }
  for (const Upload& upload : plan.uploads)
    objects.emplace_back(upload.to_uri);
  return codec::canonical_json(objects);
}

json::value read_yaml(const std::string& name) {
  return test_data::yaml_of_file(STOKER_TEST_DATA "/spark/" + name);
}

struct Effects {
  std::map<std::string, Properties> changes;
  std::map<std::string, Properties> refused;
  std::set<std::string> none;
};

std::string value_for(const json::value& value, const SparkVersion& version) {
  return std::string(value.is_string() ? value.get_string() : value.at(version.text.substr(0, 1)).as_string());
}

Effects read_effects(const SparkVersion& version) {
  const json::value table = read_yaml("key-effects.yaml");
  Effects effects;
  const auto read = [&](const char* part, std::map<std::string, Properties>& into) {
    for (const auto& row : table.at(part).as_object())
      for (const auto& property : row.value().as_object())
        into[std::string(row.key())][std::string(property.key())] = value_for(property.value(), version);
  };
  read("changes", effects.changes);
  read("refused", effects.refused);
  for (const auto& reason : table.at("none").as_object())
    for (const json::value& key : reason.value().as_array())
      effects.none.emplace(key.as_string());
  return effects;
}

// A value of the key that is not what it would be anyway.
std::string sample_of(const std::string& key) {
  if (key.ends_with('.')) return "x";
  return key.ends_with("waitAppCompletion") ? "false" : "1";
}

void check_key(const std::string& key, const SparkVersion& version, const Effects& effects) {
  const std::string plain = objects_of(plan_with({}, version).value());
  if (const auto row = effects.changes.find(key); row != effects.changes.end()) {
    // What the key does beside the properties that it needs.
    Properties without = row->second;
    std::erase_if(without, [&](const auto& property) { return property.first.starts_with(key); });
    const auto before = plan_with(without, version);
    const auto after = plan_with(row->second, version);
    ASSERT_TRUE(after.ok()) << key << ": " << after.error().describe();
    EXPECT_NE(objects_of(*after), before.ok() ? objects_of(*before) : "") << key;
    return;
  }
  if (const auto row = effects.refused.find(key); row != effects.refused.end()) {
    EXPECT_FALSE(plan_with(row->second, version).ok()) << key;
    return;
  }
  ASSERT_TRUE(effects.none.contains(key)) << key << " is in no list of key-effects.yaml";
  const auto with = plan_with({{key.ends_with('.') ? key + "a" : key, sample_of(key)}}, version);
  ASSERT_TRUE(with.ok()) << key << ": " << with.error().describe();
  EXPECT_EQ(objects_of(*with), plain) << key;
}

TEST(KeyEffects, EveryKeyOfEveryVersionHasItsRow) {
  std::ifstream file(STOKER_TEST_DATA "/spark/configuration-keys.json");
  std::size_t keys = 0;
  for (std::string line; std::getline(file, line);) {
    const json::value spark = codec::parse_json(line).value();
    const SparkVersion version = parse_spark_version(spark.at("version").as_string()).value();
    SCOPED_TRACE(version.text);
    const Effects effects = read_effects(version);
    for (const json::value& key : spark.at("keys").as_array()) {
      check_key(std::string(key.as_string()), version, effects);
      ++keys;
    }
  }
  EXPECT_GT(keys, 300U);
}

}  // namespace
}  // namespace stoker::spark::testing
