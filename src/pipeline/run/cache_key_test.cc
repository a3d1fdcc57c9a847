#include "pipeline/run/cache_key.h"

#include <gtest/gtest.h>

#include <functional>

namespace stoker::pipeline {
namespace {

std::optional<std::string> identity(const std::string& path) {
  if (path.find("missing") != std::string::npos || path.find("://") != std::string::npos) return std::nullopt;
  return "sha256:of" + path.substr(path.find_last_of('/') + 1);
}

Step python_step() {
  Step step;
  step.name = StepName("train");
  PythonStep python;
  python.module = "pipeline";
  python.function = "train";
  python.code = {{"digest", "d"},
                 {"parts", {{"train", "1"}, {"helpers.clean", "2"}}},
                 {"environment", {{"python", "3.11"}, {"pandas", "2.0"}}}};
  python.session = json::object{{"master", "local[*]"},
                                {"conf", {{"spark.sql.shuffle.partitions", "8"}, {"spark.executor.memory", "1g"}}}};
  step.body = python;
  step.outputs = {{.name = "model", .type = "model", .materializer = "m:M"}};
  return step;
}

json::object inputs() {
  return {{"trees", 20},
          {"data",
           json::object{{"$artifact", {{"uri", "/a"}, {"identity", "i1"}, {"digest", "sha256:x"}, {"class", "c"}}}}},
          {"path", json::object{{"$file", {{"path", "/here/wdbc.csv"}}}}}};
}

CacheKey key_of(const Step& step, const json::object& given, const json::object& facts = {}) {
  return std::get<CacheKey>(make_cache_key({std::make_shared<Step>(step), given}, facts, identity));
}
std::string why_not(const Step& step, const json::object& given = {}) {
  return std::get<Uncacheable>(make_cache_key({std::make_shared<Step>(step), given}, {}, identity)).why;
}

// Each edit, whether it must change the key, and what explain says.
struct Edit {
  std::string name;
  bool changes;
  std::string explanation;
  std::function<void(Step&, json::object& inputs, json::object& facts)> edit;
};

PythonStep& python(Step& step) {
  return std::get<PythonStep>(step.body);
}

const std::vector<Edit> kEdits = {
    {"nothing", false, "", [](Step&, json::object&, json::object&) {}},
    {"step name", false, "", [](Step& s, json::object&, json::object&) { s.name = StepName("other"); }},
    {"labels, retry, timeout, resources", false, "",
     [](Step& s, json::object&, json::object&) {
       s.labels["a"] = "b";
       s.retry.attempts = 3;
       s.timeout = Duration(5);
       s.resources["memory"] = "2Gi";
     }},
    {"order of inputs", false, "",
     [](Step&, json::object& i, json::object&) {
       const json::value trees = i.at("trees");
       i.erase("trees");
       i["trees"] = trees;
     }},
    {"input value", true, "input trees: 20 -> 50", [](Step&, json::object& i, json::object&) { i["trees"] = 50; }},
    {"integer to float", true, "input trees: 20 -> 20.0",
     [](Step&, json::object& i, json::object&) { i["trees"] = 20.0; }},
    {"input added", true, "input depth is new", [](Step&, json::object& i, json::object&) { i["depth"] = 3; }},
    {"input removed", true, "input trees is gone", [](Step&, json::object& i, json::object&) { i.erase("trees"); }},
    {"artifact elsewhere, same identity", false, "",
     [](Step&, json::object& i, json::object&) { i["data"].at("$artifact").as_object()["uri"] = "/b"; }},
    {"artifact identity", true,
     "input data: {\"$artifact\":\"i1\",\"class\":\"c\"} -> {\"$artifact\":\"i2\",\"class\":\"c\"}",
     [](Step&, json::object& i, json::object&) { i["data"].at("$artifact").as_object()["identity"] = "i2"; }},
    {"file in another folder", false, "",
     [](Step&, json::object& i, json::object&) { i["path"] = json::object{{"$file", {{"path", "/there/wdbc.csv"}}}}; }},
    {"file content", true, "input path changed",
     [](Step&, json::object& i, json::object&) {
       i["path"] = json::object{{"$file", {{"path", "/here/wdbc.csv"}, {"digest", "sha256:new"}}}};
     }},
    {"code part", true, "code helpers.clean changed",
     [](Step& s, json::object&, json::object&) { python(s).code["parts"].as_object()["helpers.clean"] = "3"; }},
    {"package version", true, "environment pandas: 2.0 -> 2.1",
     [](Step& s, json::object&, json::object&) { python(s).code["environment"].as_object()["pandas"] = "2.1"; }},
    {"another function", true, "function: train -> fit",
     [](Step& s, json::object&, json::object&) { python(s).function = "fit"; }},
    {"session that changes results", true, "session spark.sql.shuffle.partitions: \"8\" -> \"9\"",
     [](Step& s, json::object&, json::object&) {
       python(s).session->at("conf").as_object()["spark.sql.shuffle.partitions"] = "9";
     }},
    {"session that does not", false, "",
     [](Step& s, json::object&, json::object&) {
       python(s).session->at("conf").as_object()["spark.executor.memory"] = "9g";
       (*python(s).session)["master"] = "local[4]";
       (*python(s).session)["driverMemory"] = "4g";
     }},
    {"output materializer", true, "output model: 0 model m:M   -> 0 model m:N  ",
     [](Step& s, json::object&, json::object&) { s.outputs[0].materializer = "m:N"; }},
    {"environment variable", true, "env A is new",
     [](Step& s, json::object&, json::object&) { s.environment["A"] = "1"; }},
    {"secret reference", true, "secret P is new", [](Step& s, json::object&, json::object&) { s.secrets["P"] = "db"; }},
    {"extra key", true, "key is new", [](Step& s, json::object&, json::object&) { s.cache.extra_key = "v2"; }},
    {"java", true, "machine's java is new", [](Step&, json::object&, json::object& f) { f["java"] = "17"; }},
};

TEST(CacheKey, EachEditHitsOrMisses) {
  const CacheKey before = key_of(python_step(), inputs());
  for (const Edit& edit : kEdits) {
    Step step = python_step();
    json::object given = inputs();
    json::object facts;
    edit.edit(step, given, facts);
    const CacheKey after = key_of(step, given, facts);
    EXPECT_EQ(after.digest != before.digest, edit.changes) << edit.name;
    EXPECT_EQ(explain_difference(before.parts, after.parts), edit.explanation) << edit.name;
  }
}

TEST(CacheKey, CommandsAndSparkOnlyWhenAsked) {
  Step step;
  step.body = CommandStep{.run = {"echo", "a"}};
  EXPECT_EQ(why_not(step), "commands are cached only with cache: true");
  step.cache.requested = true;
  const CacheKey before = key_of(step, {});
  step.body = CommandStep{.run = {"echo", "b"}};
  EXPECT_EQ(explain_difference(before.parts, key_of(step, {}).parts), R"(command run: ["echo","a"] -> ["echo","b"])");
  step.body = SparkStep{};
  EXPECT_NE(key_of(step, {}).digest, before.digest);
  step.body = WaitStep{.duration = "5m"};
  EXPECT_EQ(why_not(step), "waiting is never cached");
}

TEST(CacheKey, SaysWhyThereIsNone) {
  Step step = python_step();
  EXPECT_EQ(why_not(step, {{"x", json::object{{"$file", {{"path", "s3://b/x"}}}}}}),
            "the version of s3://b/x is not known");
  EXPECT_EQ(why_not(step, {{"x", json::object{{"$table", {{"name", "a.b"}}}}}}),
            "the version of table a.b is not known: Table(name, version=…) or NAME@VERSION says it");
  EXPECT_EQ(why_not(step, {{"x", json::array{json::object{{"$file", {{"path", "/missing"}}}}}}}),
            "/missing cannot be read");
  step.cache.enabled = false;
  EXPECT_EQ(why_not(step), "its cache is off");
  step = python_step();
  std::get<PythonStep>(step.body).code.clear();
  EXPECT_EQ(why_not(step), "the compiler gave no digest of its code");
}

TEST(CacheKey, LongValuesStandByTheirDigest) {
  const CacheKey before = key_of(python_step(), {{"x", std::string(1000, 'a')}});
  const CacheKey after = key_of(python_step(), {{"x", std::string(1000, 'b')}});
  EXPECT_LT(codec::write_json(before.parts).size(), 1000U);
  EXPECT_EQ(explain_difference(before.parts, after.parts), "input x changed");
}

TEST(CacheKey, FindsTheFilesOfInputs) {
  EXPECT_EQ(files_of({{"a", json::object{{"$file", {{"path", "/b"}}}}},
                      {"c", json::array{json::object{{"$file", {{"path", "/a"}}}},
                                        json::object{{"$file", {{"path", "/b"}}}}}},
                      {"d", json::object{{"$file", {{"path", "/z"}, {"digest", "sha256:1"}}}}}}),
            (std::vector<std::string>{"/a", "/b"}));
}

}  // namespace
}  // namespace stoker::pipeline
