#include "kube/client.h"

#include <gtest/gtest.h>

#include "kube/test_transport.h"

namespace stoker::kube {
namespace {

using namespace std::chrono_literals;

class ClientTest : public ::testing::Test {
 protected:
  static constexpr const char* kPod = R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"d"}})";
  const ObjectPath pod_{.type = kPods, .namespace_name = "ml", .name = "d", .subresource = {}};
  const json::object made_{{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "d"}}}};

  ManualClock clock_;
  ScriptedTransport server_;
  std::vector<std::chrono::milliseconds> waits_;
  Client client_{server_,
                 clock_,
                 {.wait = [this](const runtime::Context&, std::chrono::milliseconds delay) -> Result<void> {
                    waits_.push_back(delay);
                    return {};
                  },
                  .random_bits = [] { return 0U; }},
                 {.maximum_tries = 3, .page_objects = 2}};
};

TEST_F(ClientTest, WaitsAsLongAsTheServerSaysWhenThereIsTooMuch) {
  server_.answer(429, "slow down", {{"Retry-After", "7"}});
  server_.answer(201, kPod);
  ASSERT_TRUE(client_.create({}, made_, "ml").ok());
  EXPECT_EQ(waits_, (std::vector<std::chrono::milliseconds>{7s}));
}

TEST_F(ClientTest, CreatesAgainOnlyWhenNothingWasSent) {
  server_.fail(/*nothing_was_sent=*/true);
  server_.answer(201, kPod);
  EXPECT_TRUE(client_.create({}, made_, "ml").ok());

  server_.fail(/*nothing_was_sent=*/false);
  const auto broken = client_.create({}, made_, "ml");
  EXPECT_EQ(broken.error().code, ErrorCode::unavailable);
  EXPECT_EQ(broken.error().describe(), "create pod ml/d: no connection");
  server_.answer(500, "oops");
  EXPECT_FALSE(client_.create({}, made_, "ml").ok());
  EXPECT_EQ(server_.calls.size(), 4U);
}

TEST_F(ClientTest, ReadsAgainWhateverHappened) {
  server_.fail(/*nothing_was_sent=*/false);
  server_.answer(500, "oops");
  server_.answer(200, kPod);
  EXPECT_TRUE(client_.get({}, pod_).ok());
}

TEST_F(ClientTest, GivesUpAfterItsTries) {
  for (int i = 0; i < 3; ++i)
    server_.answer(503, "", {{"Retry-After", "1"}});
  const auto answer = client_.get({}, pod_);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_EQ(answer.error().message, "HTTP 503 without a word");
  EXPECT_EQ(waits_.size(), 2U);
}

TEST_F(ClientTest, GathersThePagesOfAList) {
  server_.answer(200, R"({"metadata":{"continue":"n/x","resourceVersion":"5"},"items":[{"metadata":{"name":"a"}}]})");
  server_.answer(200, R"({"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"b"}}]})");
  const auto list = client_.list({}, ObjectPath::all(kPods, "ml"), {.labels = "a=b", .fields = ""});
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list.value().objects.size(), 2U);
  EXPECT_EQ(list.value().objects[1].at("kind"), "Pod");
  EXPECT_EQ(list.value().resource_version, "5");
  EXPECT_EQ(net::write_query(server_.calls[1].query), "labelSelector=a%3Db&limit=2&continue=n%2Fx");
}

TEST_F(ClientTest, HandsOnTheEventsOfAWatch) {
  server_.answer(200, R"({"type":"ADDED","object":{"a":1}}
{"type":"BOOKMARK","object":{"b":1}}
{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}
{"type":"DELETED","object":{"c":1}}
)");
  std::vector<WatchEvent::Kind> kinds;
  const auto watched = client_.watch({}, pod_, {}, "1", [&](const WatchEvent& event) -> Result<void> {
    kinds.push_back(event.kind);
    return {};
  });
  EXPECT_EQ(watched.error().code, ErrorCode::expired);
  EXPECT_EQ(kinds, (std::vector{WatchEvent::Kind::added, WatchEvent::Kind::bookmark}));
}

TEST_F(ClientTest, EndsAWatchThatBringsNothingAsTheServerWould) {
  const auto watch = [&](const runtime::Context& context) {
    server_.answers.emplace_back(Error{.code = ErrorCode::timed_out, .message = "the deadline passed"});
    return client_.watch(context, pod_, {}, "1", [](const WatchEvent&) { return Result<void>(); });
  };
  EXPECT_TRUE(watch({}).ok());
  EXPECT_EQ(server_.calls.back().query.back(), (std::pair<std::string, std::string>("timeoutSeconds", "290")));
  const runtime::Context over = runtime::Context{}.with_deadline(runtime::Deadline::at(SteadyTime::min()));
  EXPECT_EQ(watch(over).error().code, ErrorCode::timed_out);
}

TEST_F(ClientTest, ShowsTheWarningsOfTheServer) {
  std::string seen;
  client_.on_warning([&](std::string_view text) { seen = text; });
  server_.answer(201, kPod, {{"Warning", R"(299 - "unknown field \"spec.x\"")"}});
  ASSERT_TRUE(client_.create({}, made_, "ml").ok());
  EXPECT_EQ(seen, R"(unknown field "spec.x")");
}

TEST_F(ClientTest, SaysWhichObjectItMeansWhenItRemoves) {
  server_.answer(200, "{}");
  ASSERT_TRUE(client_.remove({}, pod_, {.uid = "u", .resource_version = "7"}, 0).ok());
  EXPECT_EQ(server_.calls[0].path, "/api/v1/namespaces/ml/pods/d");
  EXPECT_EQ(server_.calls[0].body,
            R"({"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background","gracePeriodSeconds":0,)"
            R"("preconditions":{"uid":"u","resourceVersion":"7"}})");
}

struct Refusal {
  int status;
  std::string body;
  ErrorCode code;
  std::string words;
};

TEST_F(ClientTest, TurnsRefusalsIntoErrorsForPeople) {
  const auto status = [](int code, const std::string& reason, const std::string& message) {
    return R"({"kind":"Status","code":)" + std::to_string(code) + R"(,"reason":")" + reason + R"(","message":")" +
           message + R"("})";
  };
  const std::vector<Refusal> refusals = {
      {400, status(400, "BadRequest", "no JSON"), ErrorCode::invalid_value, "no JSON"},
      {401, status(401, "Unauthorized", "Unauthorized"), ErrorCode::permission, "Unauthorized"},
      {403, status(403, "Forbidden", "pods is forbidden"), ErrorCode::permission, "pods is forbidden"},
      {403, status(403, "Forbidden", "exceeded quota: q"), ErrorCode::limit_exceeded, "exceeded quota: q"},
      {404, status(404, "NotFound", "not found"), ErrorCode::not_found, "not found"},
      {409, status(409, "AlreadyExists", "exists"), ErrorCode::already_exists, "exists"},
      {409, status(409, "Conflict", "changed"), ErrorCode::conflict, "changed"},
      {410, status(410, "Expired", "too old"), ErrorCode::expired, "too old"},
      {413, "too large", ErrorCode::invalid_value, "HTTP 413: too large"},
      {422, status(422, "Invalid", "bad name"), ErrorCode::invalid_value, "bad name"},
      {404, "<html>\n  <h1>nginx</h1>", ErrorCode::not_found, "HTTP 404: <html> <h1>nginx</h1>"},
      {200, "<html>login</html>", ErrorCode::unavailable, "HTTP 200: <html>login</html>"},
      {200, "", ErrorCode::unavailable, "HTTP 200 without a word"},
      {200, "[1]", ErrorCode::unavailable, "HTTP 200: [1]"},
      {200, R"({"kind":"Pod","metadata":{"na)", ErrorCode::unavailable,
       "HTTP 200: {\"kind\":\"Pod\",\"metadata\":{\"na"}};
  for (const Refusal& refusal : refusals) {
    server_.answer(refusal.status, refusal.body);
    const auto answer = client_.get({}, pod_);
    ASSERT_FALSE(answer.ok()) << refusal.body;
    EXPECT_EQ(answer.error().code, refusal.code) << refusal.body;
    EXPECT_EQ(answer.error().message, refusal.words);
    EXPECT_EQ(answer.error().context, std::vector<std::string>{"get pod ml/d"});
  }
}

TEST(ObjectPath, IsWhereTheServerHasTheObject) {
  const auto path = [](const ResourceType& type, std::string namespace_name, std::string name, std::string part = "") {
    return ObjectPath{.type = type,
                      .namespace_name = std::move(namespace_name),
                      .name = std::move(name),
                      .subresource = std::move(part)};
  };
  EXPECT_EQ(path(kPods, "ml", "d", "log").url_path(), "/api/v1/namespaces/ml/pods/d/log");
  EXPECT_EQ(path(kPods, "", "").url_path(), "/api/v1/pods");
  EXPECT_EQ(path(kNetworkPolicies, "ml", "p").url_path(), "/apis/networking.k8s.io/v1/namespaces/ml/networkpolicies/p");
  EXPECT_EQ(path(kSelfSubjectAccessReviews, "", "").url_path(),
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
  EXPECT_EQ(path(kPods, "../x", "a/b?").url_path(), "/api/v1/namespaces/..%2Fx/pods/a%2Fb%3F");
  EXPECT_EQ(path(kPods, "ml", "d", "log").describe(), "log of pod ml/d");
  EXPECT_EQ(path(kPods, "", "").describe(), "pods of all namespaces");
  EXPECT_EQ(path(kConfigMaps, "ml", "").describe(), "configmaps of namespace ml");
}

}  // namespace
}  // namespace stoker::kube
