#include <gmock/gmock.h>

#include "local/steps/spark_application.h"
#include "local/test_support.h"

namespace stoker::local {
namespace {

namespace fs = std::filesystem;
using pipeline::FailureClass;
using testing::ElementsAre;
using testing::HasSubstr;

json::object manifest(json::object spec) {
  if (!spec.contains("type")) spec["type"] = "Python";
  if (!spec.contains("mainApplicationFile")) spec["mainApplicationFile"] = "app.py";
  return {{"apiVersion", "sparkoperator.k8s.io/v1beta2"},
          {"kind", "SparkApplication"},
          {"metadata", {{"name", "app"}}},
          {"spec", spec}};
}

// A Spark whose spark-submit is a shell script, and a Python that is the PATH's.
class LocalSpark : public LocalRunnerTest {
 protected:
  LocalSpark() {
    home_ = folder_.path() / "spark";
    EXPECT_TRUE(runtime::make_directories(home_ / "bin"));
    EXPECT_TRUE(runtime::make_directories(home_ / "examples"));
    EXPECT_TRUE(runtime::write_file(home_ / "examples/pi.py", ""));
    EXPECT_TRUE(runtime::write_file(run_->project_root / "app.py", ""));
    submit("#!/bin/sh\necho \"$@\"\necho \"$SPARK_HOME $COLOUR\" >&2\n");
    options_.environment["SPARK_HOME"] = home_.string();
    options_.sdk = fs::path(STOKER_TEST_DATA).parent_path().parent_path() / "python";
  }
  void submit(const std::string& script) { ASSERT_TRUE(runtime::write_file(home_ / "bin/spark-submit", script, 0700)); }
  Result<SparkApplicationPlan> plan(json::object spec) {
    return plan_spark_application(manifest(std::move(spec)), home_, run_->project_root);
  }

  fs::path home_;
};

TEST_F(LocalSpark, TranslatesWhatSparkSubmitTakes) {
  ASSERT_TRUE(runtime::write_file(run_->project_root / "lib.py", ""));
  auto planned = plan(
      {{"type", "Java"},
       {"mainClass", "org.example.Main"},
       {"mainApplicationFile", "local:///opt/spark/examples/pi.py"},
       {"arguments", {"10", 7}},
       {"sparkConf",
        {{"spark.sql.shuffle.partitions", "2"}, {"spark.kubernetes.namespace", "x"}, {"spark.ui.enabled", "true"}}},
       {"hadoopConf", {{"fs.s3a.endpoint", "e"}}},
       {"deps", {{"pyFiles", {"lib.py"}}, {"packages", {"a:b:1", "c:d:2"}}, {"jars", {"s3a://bucket/x.jar"}}}},
       {"driver", {{"memory", "512m"}, {"javaOptions", "-Dx=y"}, {"envVars", {{"COLOUR", "red"}}}, {"cores", 1}}},
       {"executor",
        {{"instances", 2}, {"env", {{{"name", "COLOUR"}, {"value", "blue"}}, {{"name", "B"}, {"value", "1"}}}}}},
       {"image", "spark:4"}});
  ASSERT_TRUE(planned) << planned.error().describe();
  EXPECT_THAT(
      planned->arguments,
      ElementsAre("--master", "local[*]", "--name", "app", "--driver-memory", "512m", "--driver-java-options", "-Dx=y",
                  "--conf", "spark.sql.shuffle.partitions=2", "--conf", "spark.ui.enabled=true", "--conf",
                  "spark.hadoop.fs.s3a.endpoint=e", "--conf", "spark.ui.showConsoleProgress=false", "--jars",
                  "s3a://bucket/x.jar", "--py-files", (run_->project_root / "lib.py").string(), "--packages",
                  "a:b:1,c:d:2", "--class", "org.example.Main", (home_ / "examples/pi.py").string(), "10", "7"));
  EXPECT_EQ(planned->environment, (runtime::Environment{{"COLOUR", "red"}, {"B", "1"}}));
  for (const char* name :
       {"spec.image", "spec.driver.cores", "spec.executor.instances", "sparkConf spark.kubernetes.namespace"}) {
    EXPECT_THAT(planned->note, HasSubstr(name));
  }
  EXPECT_EQ(planned->note.find('\n'), std::string::npos);
}

TEST_F(LocalSpark, RefusesWhatWouldChangeTheResult) {
  auto refused = plan({{"sparkConfigMap", "settings"},
                       {"driver", {{"secrets", {{{"name", "s"}}}}, {"volumeMounts", {{{"name", "v"}}}}}}});
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("spec.sparkConfigMap, spec.driver.secrets, spec.driver.volumeMounts"));
  EXPECT_EQ(plan({{"type", "R"}}).error().code, ErrorCode::unsupported);
  EXPECT_TRUE(plan({{"driver", {{"secrets", json::array()}}}}).ok()) << "an empty list asks for nothing";
  EXPECT_EQ(plan({{"driver", {{"env", {{{"name", "A"}, {"valueFrom", json::object()}}}}}}}).error().code,
            ErrorCode::unsupported);
}

TEST_F(LocalSpark, NamesWhatIsWrong) {
  auto unknown = plan({{"mainAplicationFile", "x"}});
  EXPECT_EQ(unknown.error().code, ErrorCode::invalid_document);
  EXPECT_THAT(unknown.error().hint, HasSubstr("mainApplicationFile"));
  EXPECT_THAT(plan({{"mainApplicationFile", "missing.py"}}).error().message, HasSubstr("missing.py does not exist"));
  EXPECT_THAT(plan({{"mainApplicationFile", "local:///opt/spark/jars/x.jar"}}).error().message,
              HasSubstr("the manifest says local://"));
  EXPECT_THAT(plan({{"type", "Scala"}}).error().message, HasSubstr("mainClass"));
  EXPECT_FALSE(plan_spark_application({{"kind", "Pod"}}, home_, run_->project_root).ok());
}

TEST_F(LocalSpark, SubmitsAndCollects) {
  pipeline::Step step;
  step.body = pipeline::SparkStep{
      manifest({{"arguments", {"Pi is 3"}}, {"driver", {{"envVars", {{"COLOUR", "red"}}}}}, {"image", "i"}})};
  step.outputs.push_back(
      {.name = "pi", .source = pipeline::OutputSource::log, .type = "integer", .pattern = "Pi is (\\d)"});
  auto result = run(attempt(step));
  ASSERT_TRUE(result.succeeded) << result.error.message;
  EXPECT_EQ(result.outputs["pi"].at("value"), 3);
  EXPECT_EQ(read(result.logs["stderr"]), home_.string() + " red\n");
  ASSERT_EQ(events_.lines().size(), 1u);
  EXPECT_THAT(events_.lines()[0], HasSubstr("spec.image"));
  submit("#!/bin/sh\necho 'Exception in thread main' >&2\nexit 1\n");
  auto failed = run(attempt(step, "failed"));
  EXPECT_EQ(failed.error.failure_class, FailureClass::user_code);
  EXPECT_EQ(failed.error.traceback, "Exception in thread main");
  submit("#!/bin/sh\necho 'java.lang.OutOfMemoryError: Java heap space' >&2\nexit 52\n");
  EXPECT_EQ(run(attempt(step, "memory")).error.failure_class, FailureClass::out_of_memory);
}

}  // namespace
}  // namespace stoker::local
