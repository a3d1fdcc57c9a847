// What a command line comes to: tests/data/spark/submit-cases.yaml.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml_data.h>

#include <algorithm>
#include <cctype>

#include "spark/java/properties.h"
#include "spark/submission_plan.h"
#include "spark/test_surroundings.h"
#include "spark/uris.h"

namespace stoker::spark::testing {
namespace {

std::vector<std::string> texts(const json::object& row, std::string_view key) {
  std::vector<std::string> words;
  if (const json::value* list = row.if_contains(key))
    for (const json::value& word : list->as_array())
      words.emplace_back(word.as_string());
  return words;
}

std::vector<std::string> words_of(const json::object& row) {
  if (row.contains("bare")) return texts(row, "bare");
  std::vector<std::string> words = {"--master",      "k8s://https://host:6443",
                                    "--deploy-mode", "cluster",
                                    "--conf",        "spark.kubernetes.container.image=image:1"};
  std::ranges::move(texts(row, "argv"), std::back_inserter(words));
  std::vector<std::string> application = {"--name", "A b", "--class", "org.example.Main", "local:///app.jar"};
  if (row.contains("app")) application = texts(row, "app");
  for (const std::string& word : words)
    if (word.starts_with("--name=")) application.erase(application.begin(), application.begin() + 2);
  std::ranges::move(application, std::back_inserter(words));
  return words;
}

MemorySurroundings machine_of(const json::object& row) {
  MemorySurroundings machine;
  if (const json::value* files = row.if_contains("files"))
    for (const auto& file : files->as_object())
      machine.files[is_local(file.key()) ? machine.absolute_path(file.key()) : std::string(file.key())] =
          std::string(file.value().as_string());
  if (const json::value* variables = row.if_contains("env"))
    for (const auto& variable : variables->as_object())
      machine.variables[std::string(variable.key())] = std::string(variable.value().as_string());
  return machine;
}

Result<SubmissionPlan> plan_of(const json::object& row) {
  const json::value* version = row.if_contains("version");
  const MemorySurroundings machine = machine_of(row);
  TRY_ASSIGN(const SparkVersion spark, parse_spark_version(version ? std::string_view(version->as_string()) : "4.0.1"));
  TRY_ASSIGN(const SubmitArguments arguments, parse_submit_arguments(words_of(row)));
  TRY_ASSIGN(const SubmitRequest request, resolve_submit_request(arguments, spark, machine));
  return plan_submission(request, spark, {"spark-1", "0a", "0b", "0c", "0d", 1}, machine);
}

json::value shown(const SubmissionPlan& plan) {
  json::object properties;
  for (const json::object& object : plan.dependants) {
    const json::value* data = object.if_contains("data");
    const json::value* text = data == nullptr ? nullptr : data->as_object().if_contains("spark.properties");
    if (text == nullptr) continue;
    const std::vector<Property> read = read_java_properties(text->as_string()).value();
    for (const Property& property : read)
      properties[property.key] = property.value;
  }
  json::array uploads;
  for (const Upload& upload : plan.uploads)
    uploads.push_back(json::object{{"from", upload.from_path}, {"to", upload.to_uri}});
  return json::object{{"namespace", plan.namespace_name},
                      {"driver", plan.driver},
                      {"container", plan.driver.at("spec").at("containers").as_array().back()},
                      {"properties", std::move(properties)},
                      {"dependants", json::array(plan.dependants.begin(), plan.dependants.end())},
                      {"warnings", json::array(plan.warnings.begin(), plan.warnings.end())},
                      {"uploads", std::move(uploads)}};
}

class SubmitCases : public ::testing::TestWithParam<json::object> {};

TEST_P(SubmitCases, ComeToWhatTheySay) {
  const json::object& row = GetParam();
  const auto plan = plan_of(row);
  if (const json::value* error = row.if_contains("error")) {
    ASSERT_FALSE(plan.ok());
    EXPECT_NE(plan.error().describe().find(error->as_string()), std::string::npos) << plan.error().describe();
    if (const json::value* hint = row.if_contains("hint")) {
      EXPECT_NE(plan.error().hint.find(hint->as_string()), std::string::npos) << plan.error().hint;
    }
    return;
  }
  ASSERT_TRUE(plan.ok()) << plan.error().describe();
  const json::value all = shown(*plan);
  if (const json::value* wanted = row.if_contains("has"))
    for (const auto& [pointer, value] : wanted->as_object()) {
      boost::system::error_code missing;
      const json::value* found = all.find_pointer(pointer, missing);
      EXPECT_EQ(codec::write_json(found == nullptr ? json::value() : *found), codec::write_json(value))
          << pointer << " of " << codec::write_json_pretty(all);
    }
}

std::string test_name(const ::testing::TestParamInfo<json::object>& info) {
  std::string name(info.param.at("name").as_string());
  std::ranges::replace_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Rows, SubmitCases,
                         ::testing::ValuesIn(test_data::rows_of_file(STOKER_TEST_DATA "/spark/submit-cases.yaml")),
                         test_name);

}  // namespace
}  // namespace stoker::spark::testing
