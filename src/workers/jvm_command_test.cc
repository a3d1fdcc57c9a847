#include "workers/jvm_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "runtime/file.h"

namespace stoker::workers {
namespace {

using testing::Contains;
using testing::Not;

JvmCommandInput example() {
  JvmCommandInput input;
  input.java = {.executable = "/jdk/bin/java", .home = "/jdk", .version = "17.0.15", .feature = 17};
  input.spark = {.home = "/spark", .version = "4.0.1", .major = 4, .minor = 0};
  input.version = find_spark_version(input.spark).value();
  input.python = "/venv/bin/python";
  input.connection_file = "/run/gateway";
  return input;
}

TEST(JvmCommand, StartsTheGatewayDirectly) {
  auto command = plan_jvm_command(example());
  ASSERT_TRUE(command.ok());
  EXPECT_EQ(command->argv.front(), "/jdk/bin/java");
  EXPECT_EQ(command->argv.back(), "org.apache.spark.api.python.PythonGatewayServer");
  EXPECT_THAT(command->argv, Contains("/spark/jars/*"));
  EXPECT_THAT(command->argv, Contains("-Xmx1024m"));
  EXPECT_THAT(command->argv, Contains("-Dspark.master=local[*]"));
  EXPECT_THAT(command->argv, Contains("--add-modules=jdk.incubator.vector"));
  EXPECT_THAT(command->argv, Contains("-XX:+UseSerialGC"));
  EXPECT_EQ(command->environment.at("SPARK_CONNECT_MODE"), "0");
  EXPECT_EQ(command->environment.at("_PYSPARK_DRIVER_CONN_INFO_PATH"), "/run/gateway");
  EXPECT_EQ(command->environment.at("PYSPARK_PYTHON"), "/venv/bin/python");
  EXPECT_EQ(command->memory_bytes, std::uint64_t{1536} << 20);
}

TEST(JvmCommand, TheHeavyProfileKeepsJavasDefaults) {
  auto input = example();
  input.settings.heavy = true;
  input.settings.driver_memory = "4g";
  auto command = plan_jvm_command(input);
  ASSERT_TRUE(command.ok());
  EXPECT_THAT(command->argv, Not(Contains("-XX:+UseSerialGC")));
  EXPECT_THAT(command->argv, Contains("-Xmx4096m"));
}

TEST(JvmCommand, PackagesGoThroughSparkSubmit) {
  auto input = example();
  input.settings.packages = {"a:b:1", "c:d:2"};
  input.settings.java_options = "-Dx='a b'";
  auto command = plan_jvm_command(input);
  ASSERT_TRUE(command.ok());
  EXPECT_EQ(command->argv.front(), "/spark/bin/spark-submit");
  EXPECT_THAT(command->argv, Contains("a:b:1,c:d:2"));
  EXPECT_EQ(command->argv.back(), "pyspark-shell");
  EXPECT_EQ(command->environment.at("JAVA_HOME"), "/jdk");
  EXPECT_FALSE(can_use_archive(input));
}

TEST(JvmCommand, SparkDefaultsAreHonouredAndTheStepWins) {
  auto input = example();
  input.spark_defaults = {
      {"spark.driver.memory", "3g"}, {"spark.sql.shuffle.partitions", "5"}, {"spark.master", "local[3]"}};
  auto command = plan_jvm_command(input);
  ASSERT_TRUE(command.ok());
  EXPECT_THAT(command->argv, Contains("-Xmx3072m"));
  EXPECT_THAT(command->argv, Contains("-Dspark.sql.shuffle.partitions=5"));
  EXPECT_THAT(command->argv, Contains("-Dspark.master=local[3]"));
  input.settings.driver_memory = "2g";
  EXPECT_THAT(plan_jvm_command(input)->argv, Contains("-Xmx2048m"));
  input.settings.driver_memory = "much";
  EXPECT_EQ(plan_jvm_command(input).error().code, ErrorCode::invalid_value);
}

TEST(JvmCommand, ArchivesBelongToOneClassPath) {
  auto input = example();
  EXPECT_TRUE(can_use_archive(input));
  std::string name = archive_name(input, {"a.jar 10"});
  EXPECT_EQ(name, archive_name(input, {"a.jar 10"}));
  EXPECT_NE(name, archive_name(input, {"a.jar 11"}));
  auto other = input;
  other.java.version = "17.0.16";
  EXPECT_NE(name, archive_name(other, {"a.jar 10"}));
  other = input;
  other.settings.class_path = "/more.jar";
  EXPECT_NE(name, archive_name(other, {"a.jar 10"}));
  other = input;
  other.settings.heavy = true;
  EXPECT_EQ(name, archive_name(other, {"a.jar 10"}));
  input.environment["HADOOP_CONF_DIR"] = "/etc/hadoop";
  EXPECT_FALSE(can_use_archive(input));
  input.class_archive = "/cache/x.jsa";
  EXPECT_THAT(plan_jvm_command(input)->argv, Not(Contains("-XX:SharedArchiveFile=/cache/x.jsa")));
}

TEST(JvmCommand, OptionsSplitLikeAShell) {
  EXPECT_EQ(split_options("-Da=1  -Db='x y' -Dc=\"q\\\"r\" d\\ e ''"),
            (std::vector<std::string>{"-Da=1", "-Db=x y", "-Dc=q\"r", "d e", ""}));
  EXPECT_TRUE(split_options("  ").empty());
}

TEST(SparkVersions, UnknownIsRefusedAndJavaIsChecked) {
  EXPECT_EQ(find_spark_version({.home = "/s", .version = "9.1.0", .major = 9, .minor = 1}).error().code,
            ErrorCode::unsupported);
  for (const auto& version : spark_versions()) {
    EXPECT_TRUE(check_java(version, {.version = "17.0.1", .feature = 17}).ok());
    EXPECT_EQ(check_java(version, {.version = "7", .feature = 7}).error().code, ErrorCode::environment);
  }
  EXPECT_FALSE(check_java(find_spark_version({.version = "4.0.1", .major = 4, .minor = 0}).value(),
                          {.version = "25", .feature = 25})
                   .ok());
}

TEST(Installation, JavaVersions) {
  EXPECT_EQ(java_feature("17.0.15"), 17);
  EXPECT_EQ(java_feature("1.8.0_392"), 8);
  EXPECT_EQ(java_feature("25"), 25);
  EXPECT_EQ(java_feature("x"), 0);
}

TEST(Installation, ReadsWhatIsOnDisk) {
  auto folder = runtime::TemporaryDirectory::make("installation").value();
  std::filesystem::create_directories(folder.path() / "jdk/bin");
  std::filesystem::create_directories(folder.path() / "spark/jars");
  std::ofstream(folder.path() / "jdk/bin/java").close();
  EXPECT_EQ(inspect_java(folder.path() / "jdk/bin/java").error().code, ErrorCode::environment);
  std::ofstream(folder.path() / "jdk/release") << "IMPLEMENTOR=\"Debian\"\nJAVA_VERSION=\"21.0.2\"\n";
  auto java = inspect_java(folder.path() / "jdk/bin/java");
  ASSERT_TRUE(java.ok()) << java.error().describe();
  EXPECT_EQ(java->feature, 21);
  EXPECT_EQ(inspect_spark(folder.path() / "spark").error().code, ErrorCode::environment);
  std::ofstream(folder.path() / "spark/jars/spark-core_2.13-4.1.0-preview.jar").close();
  auto spark = inspect_spark(folder.path() / "spark");
  ASSERT_TRUE(spark.ok());
  EXPECT_EQ(spark->version, "4.1.0-preview");
  EXPECT_EQ(spark->minor, 1);
}

TEST(Installation, SparkDefaults) {
  auto values = parse_spark_defaults("# c\nspark.a  1\nspark.b=2\n spark.c\tx y \nother 3\nspark.d\n");
  EXPECT_EQ(values, (std::map<std::string, std::string>{{"spark.a", "1"}, {"spark.b", "2"}, {"spark.c", "x y"}}));
}

}  // namespace
}  // namespace stoker::workers
