#include "workers/lease.h"

#include <gtest/gtest.h>

namespace stoker::workers {
namespace {

LeaseRequest example() {
  LeaseRequest request;
  request.project = "/p";
  request.java = "/usr/bin/java";
  request.spark_home = "/spark";
  request.python = "/usr/bin/python3";
  request.settings.packages = {"a:b:1"};
  request.environment = {{"HOME", "/h"}, {"AWS_PROFILE", "one"}, {"PYTHONPATH", "/p"}};
  request.working_directory = "/p/sub";
  request.defaults = {{"spark.master", "local[2]"}};
  request.app_name = "train";
  request.log = "/p/spark.log";
  request.progress = true;
  return request;
}

TEST(Lease, RequestSurvivesTheSocket) {
  LeaseRequest request = example();
  auto read = lease_request_from_json(to_json(request));
  ASSERT_TRUE(read.ok()) << read.error().describe();
  EXPECT_EQ(to_json(*read), to_json(request));
  EXPECT_EQ(lease_fingerprint(*read), lease_fingerprint(request));
}

TEST(Lease, BadRequestsAreErrors) {
  auto message = to_json(example());
  message.as_object()["version"] = 99;
  EXPECT_EQ(lease_request_from_json(message).error().code, ErrorCode::conflict);
  message = to_json(example());
  message.as_object()["environment"] = 3;
  EXPECT_EQ(lease_request_from_json(message).error().code, ErrorCode::corrupt);
  message = to_json(example());
  message.as_object()["cwd"] = "relative";
  EXPECT_EQ(lease_request_from_json(message).error().code, ErrorCode::corrupt);
  EXPECT_FALSE(lease_request_from_json(json::value(3)).ok());
}

TEST(Lease, EventsSurviveTheSocket) {
  for (const LeaseEvent& event :
       {LeaseEvent(Leased{{4000, "secret"}, 77, true, "77-1"}), LeaseEvent(Progress{{{3, "count at x", 1, 0, 2, 10}}}),
        LeaseEvent(JvmExited{"signal 9 (Killed)", "memory", true}),
        LeaseEvent(Released{std::chrono::milliseconds(1500), 1024, 3, std::nullopt, false}),
        LeaseEvent(Refused{Error{.code = ErrorCode::environment, .message = "no Java", .hint = "install"}})}) {
    auto read = lease_event_from_json(to_json(event));
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(to_json(*read), to_json(event));
  }
  EXPECT_FALSE(lease_event_from_json(json::object{{"op", "surprise"}}).ok());
  EXPECT_FALSE(lease_event_from_json(json::object{{"op", "leased"}, {"gateway_port", 70000}}).ok());
}

TEST(Lease, FingerprintTellsWhatAJvmCouldTell) {
  const LeaseRequest base = example();
  auto differs = [&](auto change) {
    LeaseRequest other = base;
    change(other);
    return lease_fingerprint(other) != lease_fingerprint(base);
  };
  EXPECT_TRUE(differs([](auto& r) { r.project = "/q"; }));
  EXPECT_TRUE(differs([](auto& r) { r.java = "/other/java"; }));
  EXPECT_TRUE(differs([](auto& r) { r.spark_home = "/spark2"; }));
  EXPECT_TRUE(differs([](auto& r) { r.python = "/py2"; }));
  EXPECT_TRUE(differs([](auto& r) { r.settings.driver_memory = "2g"; }));
  EXPECT_TRUE(differs([](auto& r) { r.settings.heavy = true; }));
  EXPECT_TRUE(differs([](auto& r) { r.environment["AWS_PROFILE"] = "two"; }));
  EXPECT_TRUE(differs([](auto& r) { r.environment["AWS_SECRET_ACCESS_KEY"] = "x"; }));
  EXPECT_TRUE(differs([](auto& r) { r.environment["HADOOP_CONF_DIR"] = "/etc/hadoop"; }));
  EXPECT_FALSE(differs([](auto& r) { r.environment["TERM"] = "dumb"; }));
  EXPECT_FALSE(differs([](auto& r) { r.environment["PWD"] = "/x"; }));
  EXPECT_FALSE(differs([](auto& r) { r.environment["STOKER_ATTEMPT_ID"] = "1"; }));
  EXPECT_FALSE(differs([](auto& r) { r.environment["PYTHONPATH"] = "/other"; }));
  EXPECT_FALSE(differs([](auto& r) { r.working_directory = "/p"; }));
  EXPECT_FALSE(differs([](auto& r) { r.app_name = "other"; }));
  EXPECT_FALSE(differs([](auto& r) { r.defaults.clear(); }));
}

TEST(Lease, TheTrainingOfAnArchiveIsNoProcessOfTheStep) {
  LeaseRequest request = example();
  request.environment["STOKER_RUN"] = "r";
  request.environment["STOKER_SECRET_1"] = "hunter2";
  const runtime::Environment expected{
      {"HOME", "/h"}, {"AWS_PROFILE", "one"}, {"PYTHONPATH", "/p"}, {"PYSPARK_PYTHON", request.python.string()}};
  EXPECT_EQ(training_environment(request), expected);
}

TEST(Lease, TheFingerprintHidesCredentials) {
  LeaseRequest request = example();
  request.environment["AWS_SECRET_ACCESS_KEY"] = "hunter2";
  EXPECT_EQ(lease_fingerprint(request).find("hunter2"), std::string::npos);
  EXPECT_EQ(lease_fingerprint(request).size(), 64u);
}

TEST(Lease, SessionSettingsGoWhereTheyAct) {
  LeaseRequest request;
  json::object session{{"master", "local[2]"},
                       {"driverMemory", "3g"},
                       {"packages", json::array{"a:b:1", "c:d:2"}},
                       {"profile", "heavy"},
                       {"conf", json::object{{"spark.sql.shuffle.partitions", 8},
                                             {"spark.speculation", true},
                                             {"spark.driver.extraJavaOptions", "-Dx=1"}}}};
  ASSERT_TRUE(apply_session(session, request).ok());
  EXPECT_EQ(request.settings.driver_memory, "3g");
  EXPECT_EQ(request.settings.packages, (std::vector<std::string>{"a:b:1", "c:d:2"}));
  EXPECT_EQ(request.settings.java_options, "-Dx=1");
  EXPECT_TRUE(request.settings.heavy);
  EXPECT_EQ(request.defaults.at("spark.master"), "local[2]");
  EXPECT_EQ(request.defaults.at("spark.sql.shuffle.partitions"), "8");
  EXPECT_EQ(request.defaults.at("spark.speculation"), "true");
  EXPECT_EQ(request.defaults.at("spark.ui.enabled"), "false");
  EXPECT_FALSE(request.defaults.contains("spark.driver.memory"));
  EXPECT_FALSE(apply_session(json::object{{"conf", 3}}, request).ok());
}

TEST(Lease, Memory) {
  EXPECT_EQ(parse_memory("2g"), std::uint64_t{2} << 30);
  EXPECT_EQ(parse_memory("512M"), std::uint64_t{512} << 20);
  EXPECT_EQ(parse_memory("1024"), std::uint64_t{1024} << 20);
  EXPECT_EQ(parse_memory("1tb"), std::nullopt);
  EXPECT_EQ(parse_memory("lots"), std::nullopt);
  EXPECT_EQ(parse_memory("99999999999999g"), std::nullopt);
}

}  // namespace
}  // namespace stoker::workers
