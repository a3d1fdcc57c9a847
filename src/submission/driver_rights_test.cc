#include "submission/driver_rights.h"

#include <gtest/gtest.h>

#include <set>

#include "base/strings.h"
#include "codec/yaml.h"
#include "kube/test_transport.h"
#include "resources/object.h"

namespace stoker::submission {
namespace {

TEST(Rights, EveryVerbIsOneOfKubernetesAndStandsOnce) {
  const std::set<std::string> known = {"get", "list", "watch", "create", "patch", "delete", "deletecollection"};
  for (const auto rights : {driver_rights(), submitter_rights()}) {
    std::set<std::string> seen;
    for (const Right& right : rights) {
      EXPECT_FALSE(right.reason.empty());
      for (const std::string& verb : split(right.verbs, ' ')) {
        EXPECT_TRUE(known.contains(verb)) << verb;
        EXPECT_TRUE(seen.insert(std::string(right.resource) + " " + verb).second) << right.resource << " " << verb;
      }
    }
  }
}

TEST(Rights, OfASubmitterReadNoSecretsInBulk) {
  for (const Right& right : submitter_rights())
    if (right.resource == "secrets") {
      EXPECT_EQ(right.verbs.find("list"), std::string_view::npos);
    }
}

TEST(Rights, OfAUserNameNoServiceAccount) {
  const Subject alice{.namespace_name = "ml", .name = "alice/x@example.com", .is_user = true};
  const std::string role = role_name(alice, "spark-submitter");
  EXPECT_EQ(role, "spark-submitter-alice-x@example.com");
  const json::object list = role_objects(alice, role, submitter_rights());
  ASSERT_EQ(resources::list_in(list, "items").size(), 2U);
  const auto& binding = resources::list_in(list, "items")[1].get_object();
  EXPECT_EQ(resources::text_in(resources::list_in(binding, "subjects")[0].get_object(), "kind"), "User");
}

TEST(Rights, AreRefusedForNamesThatAreNone) {
  for (const char* name : {"", "Upper", "-a", "a-", "a b", "a\nb: c"}) {
    EXPECT_FALSE(check_subject({.namespace_name = name, .name = "spark"}).ok()) << name;
    EXPECT_FALSE(check_subject({.namespace_name = "ml", .name = name}).ok()) << name;
  }
  EXPECT_TRUE(check_subject({.namespace_name = "ml", .name = "spark.v2"}).ok());
}

class MissingRights : public ::testing::Test {
 protected:
  void allow(bool allowed) {
    server_.answer(201, std::string(R"({"kind":"R","status":{"allowed":)") + (allowed ? "true}}" : "false}}"));
  }

  ManualClock clock_;
  kube::ScriptedTransport server_;
  kube::Client client_{server_,
                       clock_,
                       {.wait = [](const runtime::Context&, std::chrono::milliseconds) -> Result<void> { return {}; },
                        .random_bits = [] { return 0U; }}};
};

TEST_F(MissingRights, OfADriverAreThoseItCannotRunWithout) {
  for (const bool allowed : {true, true, false, true, true, false})
    allow(allowed);
  std::vector<std::string> words;
  for (const Permission& permission : missing_driver_rights({}, client_, "ml", ""))
    words.push_back(permission.describe());
  EXPECT_EQ(words, (std::vector<std::string>{"watch pods", "create configmaps"}));
  EXPECT_EQ(server_.calls.front().path, "/apis/authorization.k8s.io/v1/namespaces/ml/localsubjectaccessreviews");
  EXPECT_NE(server_.calls.front().body.find("system:serviceaccount:ml:default"), std::string::npos);
}

TEST_F(MissingRights, AreNoneForWhoMayNotAsk) {
  server_.answer(403, R"({"kind":"Status","message":"no"})");
  EXPECT_TRUE(missing_driver_rights({}, client_, "ml", "spark").empty());
  EXPECT_EQ(server_.calls.size(), 1U);
}

}  // namespace
}  // namespace stoker::submission
