// What only the fake has: faults, the node's part, garbage collection, rights, its record of calls.
#include "fakes/api_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <stdexcept>

#include "codec/json_fields.h"

namespace stoker::fakes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kPodSpec = R"({"restartPolicy": "Never", "containers": [{"name": "main", "image": "i:1"}]})";

class FakeApiServer : public testing::Test {
 protected:
  Result<net::Response> send(const std::string& method, const std::string& path, const std::string& body = "",
                             net::Query query = {}, const net::BodySink& sink = {}) {
    return server_.send(context_,
                        {.method = method,
                         .path = path,
                         .query = std::move(query),
                         .body = body,
                         .content_type = "application/merge-patch+json"},
                        sink);
  }
  int status(const std::string& method, const std::string& path, const std::string& body = "") {
    const auto answer = send(method, path, body);
    return answer ? answer.value().status : 0;
  }
  void make_pod(const std::string& name) {
    ASSERT_EQ(
        status("POST", kPods, R"({"metadata": {"name": ")" + name + R"("}, "spec": )" + std::string(kPodSpec) + "}"),
        201);
  }
  int make_map(const std::string& name, const std::string& owner_uid = "") {
    std::string owner;
    if (!owner_uid.empty())
      owner =
          R"(, "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": ")" + owner_uid + R"("}])";
    return status("POST", kMaps, R"({"metadata": {"name": ")" + name + "\"" + owner + "}}");
  }
  std::string uid_of(const kube::ResourceType& type, const std::string& name) {
    return codec::text_of(metadata_of(*server_.find(type, "default", name)), "uid");
  }
  // Types of the events that come until the watch ends.
  std::vector<std::string> types(net::Query query, std::string* error = nullptr) {
    std::vector<std::string> seen;
    query.emplace_back("watch", "true");
    const auto outcome = send("GET", kMaps, "", std::move(query), [&](std::string_view line) -> Result<void> {
      seen.push_back(codec::text_of(codec::parse_json(line).value().get_object(), "type"));
      return {};
    });
    if (!outcome && error != nullptr) *error = outcome.error().message;
    return seen;
  }

  const std::string kMaps = "/api/v1/namespaces/default/configmaps";
  const std::string kPods = "/api/v1/namespaces/default/pods";
  ManualClock clock_;
  ApiServer server_{clock_};
  runtime::Context context_;
};

TEST_F(FakeApiServer, RefusesAndBreaksAsTold) {
  server_.fail_next(any_write(), Fault::of(Fault::Kind::refused));
  server_.fail_next(any_write(), Fault::of(Fault::Kind::broken_before));
  server_.fail_next(any_write(), Fault::of(Fault::Kind::broken_after));
  const auto refused = send("POST", kMaps, R"({"metadata": {"name": "a"}})");
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().retryable);
  const auto before = send("POST", kMaps, R"({"metadata": {"name": "a"}})");
  ASSERT_FALSE(before.ok());
  EXPECT_FALSE(before.error().retryable);
  EXPECT_FALSE(server_.find(kube::kConfigMaps, "default", "a").has_value());
  EXPECT_FALSE(send("POST", kMaps, R"({"metadata": {"name": "a"}})").ok());
  EXPECT_TRUE(server_.find(kube::kConfigMaps, "default", "a").has_value());
  EXPECT_EQ(make_map("a"), 409);
}

TEST_F(FakeApiServer, AnswersWhatItIsTold) {
  server_.fail_next(on("create", "configmaps", "*"), Fault::too_many_requests(3));
  server_.fail_next(any_call(), Fault::html());
  server_.fail_at(2, Fault::status(500, "InternalError", "etcd is away"));
  const auto busy = send("POST", kMaps, R"({"metadata": {"name": "a"}})");
  ASSERT_TRUE(busy.ok());
  EXPECT_EQ(busy.value().status, 429);
  EXPECT_EQ(net::find_header(busy.value().headers, "retry-after"), "3");
  EXPECT_EQ(status("GET", kMaps), 502);
  EXPECT_EQ(make_map("a"), 500);
  EXPECT_EQ(make_map("a"), 201);
}

TEST_F(FakeApiServer, CutsTheBody) {
  server_.fail_next(any_call(), Fault::of(Fault::Kind::cut_body));
  std::string got;
  const auto answer = send("GET", kMaps, "", {}, [&](std::string_view piece) -> Result<void> {
    got += piece;
    return {};
  });
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(got, testing::StartsWith("{"));
  EXPECT_FALSE(codec::parse_json(got).ok());
}

TEST_F(FakeApiServer, ASlowAnswerEndsWithTheContext) {
  server_.fail_next(any_call(), Fault::of(Fault::Kind::slow));
  context_ = context_.with_timeout(clock_, std::chrono::seconds(10));
  auto answer = std::async(std::launch::async, [&] { return send("GET", kMaps); });
  server_.await_calls(any_call(), 1);
  server_.advance(std::chrono::seconds(10));
  EXPECT_EQ(answer.get().error().code, ErrorCode::timed_out);
}

TEST_F(FakeApiServer, RecordsCallsAndDiesAfterAWrite) {
  runtime::StopSource stop;
  context_.stop = stop.get_token();
  server_.after_write([&](int write) {
    if (write == 2) stop.request_stop();
  });
  EXPECT_EQ(make_map("a"), 201);
  const auto died = send("POST", kMaps, R"({"metadata": {"name": "b"}})");
  ASSERT_FALSE(died.ok());
  EXPECT_EQ(died.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(server_.find(kube::kConfigMaps, "default", "b").has_value());
  context_ = {};
  EXPECT_EQ(status("GET", kMaps), 200);
  server_.after_write([](int) { throw std::runtime_error("crash"); });
  EXPECT_THROW(make_map("c"), std::runtime_error);
  EXPECT_EQ(server_.writes(), 3);
  ASSERT_EQ(server_.calls().size(), 4U);
  EXPECT_EQ(server_.calls()[0].status, 201);
  EXPECT_EQ(server_.calls()[1].status, 0);
  EXPECT_EQ(server_.calls(on("list", "configmaps"))[0].user, "admin");
}

TEST_F(FakeApiServer, WatchesDropRepeatAndGoBack) {
  for (const char* name : {"a", "b", "c"})
    make_map(name);
  const net::Query begin{{"resourceVersion", "100"}, {"timeoutSeconds", "5"}};
  server_.fail_next(on("watch", "*"), Fault::of(Fault::Kind::drop_watch, 2));
  EXPECT_THAT(types(begin), ElementsAre("ADDED", "ADDED"));
  std::string error;
  server_.fail_next(on("watch", "*"), Fault::of(Fault::Kind::break_watch, 1));
  EXPECT_THAT(types(begin, &error), ElementsAre("ADDED"));
  EXPECT_THAT(error, HasSubstr("broke"));
  const auto after = [&](Fault::Kind kind, int events) {
    server_.fail_next(on("watch", "*"), Fault::of(kind, events));
    auto seen = std::async(std::launch::async, [&] { return types(begin); });
    server_.await_watches(1);
    server_.advance(std::chrono::seconds(5));
    return seen.get().size();
  };
  EXPECT_EQ(after(Fault::Kind::repeat_event, 2), 4U);
  EXPECT_EQ(after(Fault::Kind::go_back, 3), 6U);
}

TEST_F(FakeApiServer, RunningWatchesEndAndBookmark) {
  make_map("a");
  auto seen = std::async(std::launch::async,
                         [&] { return types({{"resourceVersion", "0"}, {"allowWatchBookmarks", "true"}}); });
  server_.await_watches(1);
  server_.send_bookmarks();
  server_.await_watches(1);
  make_map("b");
  server_.drop_watches();
  EXPECT_THAT(seen.get(), ElementsAre("ADDED", "BOOKMARK", "ADDED"));
  server_.expire_history();
  EXPECT_THAT(types({{"resourceVersion", "103"}}), ElementsAre("ERROR"));
}

TEST_F(FakeApiServer, GarbageIsWhatHasNoOwnerLeft) {
  make_pod("p");
  ASSERT_EQ(make_map("owned", uid_of(kube::kPods, "p")), 201);
  ASSERT_EQ(make_map("free"), 201);
  EXPECT_EQ(server_.collect_garbage(), 0);
  ASSERT_EQ(status("DELETE", kPods + "/p"), 200);
  EXPECT_EQ(server_.collect_garbage(), 1);
  EXPECT_EQ(server_.all(kube::kConfigMaps, "default").size(), 1U);
}

TEST_F(FakeApiServer, ForegroundDeletionWaitsForDependants) {
  make_pod("p");
  ASSERT_EQ(make_map("owned", uid_of(kube::kPods, "p")), 201);
  ASSERT_TRUE(send("DELETE", kPods + "/p", "", {{"propagationPolicy", "Foreground"}}).ok());
  EXPECT_TRUE(server_.find(kube::kPods, "default", "p").has_value());
  server_.collect_garbage();
  EXPECT_FALSE(server_.find(kube::kPods, "default", "p").has_value());
  EXPECT_THAT(server_.all(kube::kConfigMaps), IsEmpty());
}

TEST_F(FakeApiServer, NamespacesEndWithTheirContent) {
  server_.create_namespace("ml");
  ASSERT_EQ(status("POST", "/api/v1/namespaces/ml/configmaps", R"({"metadata": {"name": "a"}})"), 201);
  ASSERT_EQ(status("DELETE", "/api/v1/namespaces/ml"), 200);
  EXPECT_EQ(status("POST", "/api/v1/namespaces/ml/configmaps", R"({"metadata": {"name": "b"}})"), 403);
  EXPECT_EQ(server_.collect_garbage(), 2);
  EXPECT_EQ(status("GET", "/api/v1/namespaces/ml"), 404);
}

TEST_F(FakeApiServer, APodLivesAsItsNodeSays) {
  make_pod("p");
  EXPECT_EQ(status("GET", kPods + "/p/log"), 204);
  ASSERT_TRUE(server_.hold_pod("default", "p", "ImagePullBackOff"));
  EXPECT_EQ(status("GET", kPods + "/p/log"), 400);
  ASSERT_TRUE(server_.run_pod("default", "p"));
  server_.log("default", "p", "one\n");
  std::string text;
  auto follower = std::async(std::launch::async, [&] {
    return send("GET", kPods + "/p/log", "", {{"follow", "true"}}, [&](std::string_view piece) -> Result<void> {
      text += piece;
      return {};
    });
  });
  server_.await_watches(1);
  server_.log("default", "p", "two\n");
  ASSERT_TRUE(server_.finish_pod("default", "p", 3));
  EXPECT_TRUE(follower.get().ok());
  EXPECT_EQ(text, "one\ntwo\n");
  const json::object ended = *server_.find(kube::kPods, "default", "p");
  EXPECT_EQ(ended.at("status").at("phase"), "Failed");
  EXPECT_EQ(ended.at("status").at("containerStatuses").at(0).at("state").at("terminated").at("exitCode"), 3);
  EXPECT_EQ(send("GET", kPods + "/p/log", "", {{"tailLines", "1"}}).value().body, "two\n");
  EXPECT_FALSE(server_.run_pod("default", "no-such-pod"));
}

TEST_F(FakeApiServer, RightsAreTakenAway) {
  server_.deny("create", "pods", "nobody");
  kube::Transport& nobody = server_.as("nobody");
  const kube::Call create{.method = "POST", .path = kPods, .body = "{}"};
  const auto refused = nobody.send(context_, create, {});
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused.value().status, 403);
  EXPECT_THAT(refused.value().body,
              HasSubstr(R"(pods is forbidden: User \"nobody\" cannot create resource \"pods\" in )"
                        R"(API group \"\" in the namespace \"default\")"));
  const kube::Call review{.method = "POST",
                          .path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                          .body = R"({"spec": {"resourceAttributes": {"verb": "create", "resource": "pods"}}})"};
  EXPECT_THAT(nobody.send(context_, review, {}).value().body, HasSubstr(R"("allowed":false)"));
  EXPECT_THAT(server_.send(context_, review, {}).value().body, HasSubstr(R"("allowed":true)"));
  make_pod("p");
}

}  // namespace
}  // namespace stoker::fakes
