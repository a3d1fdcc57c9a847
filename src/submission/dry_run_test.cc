#include "submission/dry_run.h"

#include <gtest/gtest.h>

#include "submission/identifiers.h"

namespace stoker::submission {
namespace {

spark::SubmissionPlan plan_with_secrets() {
  spark::SubmissionPlan plan;
  plan.namespace_name = "team";
  plan.dependants = {{{"kind", "Secret"}, {"metadata", {{"name", "s"}}}, {"data", {{"token", "dG9rZW4="}}}},
                     {{"kind", "ConfigMap"},
                      {"metadata", {{"name", "c"}}},
                      {"data",
                       {{"spark.properties",
                         "#one\n#two\nspark.db.password=hunter2\nspark.kubernetes.driver.secrets.db=/etc/db\n"}}}}};
  plan.driver = {
      {"kind", "Pod"},
      {"spec",
       {{"containers",
         {{{"name", "a"},
           {"env", {{{"name", "DB_PASSWORD"}, {"value", "hunter2"}}, {{"name", "USER"}, {"value", "u"}}}}}}}}}};
  return plan;
}

TEST(SubmissionDryRun, HidesSecretsAndSaysWhereTheyAre) {
  const json::array items = list_of_objects(plan_with_secrets(), Secrets::hide).at("items").as_array();
  EXPECT_EQ(codec::write_json(items).find("hunter2"), std::string::npos);
  EXPECT_EQ(codec::write_json(items).find("dG9rZW4="), std::string::npos);
  EXPECT_EQ(items[1].at("data").at("spark.properties").as_string(),
            "#one\n#two\nspark.db.password=*********(redacted)\nspark.kubernetes.driver.secrets.db=/etc/db\n");
  EXPECT_EQ(items[2].at_pointer("/spec/containers/0/env/1/value").as_string(), "u");
}

TEST(SubmissionDryRun, HidesWhatSaysThatItIsSecret) {
  spark::SubmissionPlan plan = plan_with_secrets();
  plan.dependants[1].at("data").as_object()["hive-site.xml"] = "<password>hunter2</password>";
  plan.dependants[1].at("data").as_object()["spark.properties"] =
      "spark.driver.extraJavaOptions=-Djavax.net.ssl.trustStorePassword=hunter2\nspark.jars=https://me:hunter2@h/"
      "a.jar\n";
  plan.driver.at("spec").as_object()["initContainers"] =
      json::array{json::object{{"env", json::array{json::object{{"name", "API_KEY"}, {"value", "hunter2"}}, 5}}}, 7};
  plan.driver["metadata"] = json::object{{"annotations", {{"token", "hunter2"}}}};
  const json::object list = list_of_objects(plan, Secrets::hide);
  EXPECT_EQ(codec::write_json(list).find("hunter2"), std::string::npos) << codec::write_json_pretty(list);
  EXPECT_NE(codec::write_json(list).find("https\\\\://***@h/a.jar"), std::string::npos);
}

json::value shown_arguments(const json::array& arguments, const std::optional<std::string>& regex = {}) {
  spark::SubmissionPlan plan = plan_with_secrets();
  plan.driver.at("spec").as_object()["containers"] = json::array{json::object{{"args", arguments}}};
  return json::value(list_of_objects(plan, Secrets::hide, regex)).at_pointer("/items/2/spec/containers/0/args");
}

TEST(SubmissionDryRun, HidesTheValuesOfSecretArguments) {
  const json::array arguments{"driver",
                              "--class",
                              "org.Tokens",
                              "--password",
                              "hunter2",
                              "--api-token=hunter2",
                              R"({"password": "hunter2"})",
                              "password=hunter2",
                              "https://me:hunter2@h",
                              "s3a://AKIA:hun/ter2@b/k",
                              "--token",
                              "--quick"};
  const std::string hidden = "*********(redacted)";
  EXPECT_EQ(shown_arguments(arguments),
            (json::array{"driver", "--class", "org.Tokens", "--password", hidden, "--api-token=" + hidden, hidden,
                         "password=" + hidden, "https://***@h", "s3a://***@b/k", "--token", "--quick"}));
}

TEST(SubmissionDryRun, KnowsWhatIsCalledASecret) {
  for (const char* name : {"spark.hadoop.google.cloud.auth.service.account.private.key", "spark.my.passphrase",
                           "PGPASS", "spark.hadoop.fs.s3a.encryption.key", "my.credential", "AUTHORIZATION",
                           "X-Api-Key", "GITHUB_PAT", "spark.databricks.pat"}) {
    spark::SubmissionPlan plan = plan_with_secrets();
    plan.dependants[1].at("data").as_object()["spark.properties"] = std::string(name) + "=hunter2\n";
    EXPECT_EQ(codec::write_json(list_of_objects(plan, Secrets::hide)).find("hunter2"), std::string::npos) << name;
  }
  spark::SubmissionPlan plan = plan_with_secrets();
  plan.dependants[1].at("data").as_object()["spark.properties"] = "spark.hadoop.fs.s3a.aws.credentials.provider=a.B\n";
  EXPECT_NE(codec::write_json(list_of_objects(plan, Secrets::hide)).find("a.B"), std::string::npos);
}

TEST(SubmissionDryRun, HidesWhatATemplateSaysInTheUsersOwnFields) {
  spark::SubmissionPlan plan = plan_with_secrets();
  plan.driver["spec"] = codec::parse_json(R"({
    "volumes": [{"csi": {"volumeAttributes": {"clientSecret": "hunter2"}, "nodePublishSecretRef": {"name": "kept"}}},
                {"flexVolume": {"options": {"password": "hunter2"}}}, {"secret": {"secretName": "kept"}}],
    "containers": [{"livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": "hunter2"}]}},
                    "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "login --password hunter2"]}}},
                    "args": ["token:hunter2", "-H", "Authorization: Bearer hunter2"]}]})")
                            .value();
  const std::string text = codec::write_json(list_of_objects(plan, Secrets::hide).at("items").as_array().back());
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("nodePublishSecretRef":{"name":"kept"})"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("secretName":"kept")"), std::string::npos) << text;
}

TEST(SubmissionDryRun, HidesWhatTheUsersRegexFinds) {
  const json::array arguments{"--pin", "1234", "PIN=1234", "rows=5"};
  EXPECT_EQ(shown_arguments(arguments, "(?i)\\bpin\\b"),
            (json::array{"--pin", "*********(redacted)", "PIN=*********(redacted)", "rows=5"}));
  // A pattern that cannot be tried hides all values.
  EXPECT_EQ(codec::write_json(shown_arguments(arguments, "(?<=x)nothing")).find("1234"), std::string::npos);
  const std::string long_text = "a " + std::string(5'000, 'x');
  EXPECT_EQ(codec::write_json(shown_arguments({long_text}, "pin")).find("xxx"), std::string::npos);
}

TEST(SubmissionDryRun, ShowsThemToWhoAsks) {
  const json::array items = list_of_objects(plan_with_secrets(), Secrets::show).at("items").as_array();
  EXPECT_EQ(items[0].at("data").at("token").as_string(), "dG9rZW4=");
  EXPECT_EQ(items[2].at_pointer("/spec/containers/0/env/0/value").as_string(), "hunter2");
}

TEST(SubmissionDryRun, NamesTheNamespaceOfEachObject) {
  const json::array items = list_of_objects(plan_with_secrets(), Secrets::hide).at("items").as_array();
  ASSERT_EQ(items.size(), 3U);
  for (const json::value& item : items)
    EXPECT_EQ(item.at("metadata").at("namespace").as_string(), "team");
}

TEST(SubmissionIdentifiers, AreFormedAsSparkFormsThem) {
  std::uint64_t next = 0xABCDEF0123456789;
  const RandomBits counted = [&next] { return next++; };
  const auto time = std::chrono::system_clock::time_point(std::chrono::milliseconds(0x19ABCDEF012));
  const spark::Identifiers drawn = draw_identifiers(counted, time);
  EXPECT_EQ(drawn.application_id, "spark-abcdef0123454789abcdef012345678a");
  EXPECT_EQ(drawn.unique, "45678b9abcdef012");
  EXPECT_EQ(drawn.configuration_unique, "45678c9abcdef012");
  EXPECT_EQ(drawn.local_folder.size(), 36U);
  EXPECT_EQ(drawn.local_folder[14], '4');
  EXPECT_EQ(drawn.submit_time_ms, 0x19ABCDEF012);
}

}  // namespace
}  // namespace stoker::submission
