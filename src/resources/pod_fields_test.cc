#include "resources/pod_fields.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/strings.h"

namespace stoker::resources {
namespace {

std::string read(std::string_view text) {
  const codec::LocatedValue value = parse_kubernetes_yaml(text, "Pod");
  return value.problems.empty() ? codec::write_json(value.value) : value.problems.front().message;
}

TEST(PodFields, ScalarsAreWhatKubernetesHas) {
  EXPECT_EQ(read("metadata: {labels: {a: 1, b: 010, c: yes, d: '2'}}"),
            R"({"metadata":{"labels":{"a":"1","b":"010","c":"yes","d":"2"}}})");
  EXPECT_EQ(read("spec: {hostNetwork: 'true', priority: '-5', hostname: 7}"),
            R"({"spec":{"hostNetwork":true,"priority":-5,"hostname":"7"}})");
  EXPECT_EQ(read("spec: {containers: [{args: [1, [2], {a: 3}], ports: [{containerPort: x}]}]}"),
            R"({"spec":{"containers":[{"args":["1",[2],{"a":3}],"ports":[{"containerPort":"x"}]}]}})");
}

TEST(PodFields, WhatNobodyKnowsStaysAsYamlHasIt) {
  EXPECT_EQ(read("x: 1\nspec: {new: {a: 1, b: '1', c: true}}"), R"({"x":1,"spec":{"new":{"a":1,"b":"1","c":true}}})");
  EXPECT_NE(read("spec: {new: 010}").find("010"), std::string::npos);
  EXPECT_NE(read("spec: {priority: 010}").find("010"), std::string::npos);
}

TEST(PodFields, AnchorsAndJsonAreReadToo) {
  EXPECT_EQ(read("x-all: &all {a: 1}\nmetadata: {labels: {<<: *all, b: 2}, annotations: *all}"),
            R"({"x-all":{"a":1},"metadata":{"labels":{"b":"2","a":"1"},"annotations":{"a":"1"}}})");
  EXPECT_EQ(read(R"({"metadata": {"labels": {"a/b": 1.50}}})"), R"({"metadata":{"labels":{"a/b":"1.5"}}})");
}

// Each type that a row names has a row.
TEST(PodFields, TheTableIsWhole) {
  std::set<std::string_view> names;
  for (const PodTypeRow& row : pod_types())
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
  for (const PodTypeRow& row : pod_types())
    for (const std::string& field : split(row.fields, ',')) {
      std::string type = field.substr(field.rfind(' ') + 1);
      if (type.ends_with("[]") || type.ends_with("{}")) type.resize(type.size() - 2);
      EXPECT_TRUE(names.contains(type) || std::string_view("sibn").find(type) != std::string_view::npos)
          << row.name << ": " << field;
    }
  EXPECT_GT(names.size(), 100U);
}

}  // namespace
}  // namespace stoker::resources
