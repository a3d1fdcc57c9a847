#include "net/curl_client.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "net/test_server.h"
#include "net/url.h"

namespace stoker::net {
namespace {

using namespace std::chrono_literals;

constexpr const char* kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Note: a\r\n\r\nhello";

class CurlClientTest : public ::testing::Test {
 protected:
  SystemClock clock_;
  CurlClient client_{{.user_agent = "test"}, clock_};
};

TEST_F(CurlClientTest, SendsWhatItIsToldAndNothingElse) {
  ScriptedServer server({{kHello}});
  const auto answer = client_.send(
      {}, {.method = "PATCH", .url = server.url("/a?b=c"), .headers = {{"Accept", "application/json"}}, .body = "{}"});
  ASSERT_TRUE(answer.ok()) << answer.error().describe();
  EXPECT_EQ(answer.value().status, 200);
  EXPECT_EQ(answer.value().body, "hello");
  EXPECT_EQ(find_header(answer.value().headers, "x-NOTE"), "a");
  EXPECT_EQ(
      server.requests().at(0),
      fmt::format("PATCH /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUser-Agent: test\r\nAccept: application/json\r\n"
                  "Content-Length: 2\r\n\r\n{{}}",
                  server.port()));
}

TEST_F(CurlClientTest, KeepsItsConnection) {
  ScriptedServer server({{kHello}, {kHello}, {kHello}});
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(client_.send({}, {.url = server.url()}).ok());
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(CurlClientTest, HandsABodyOnPieceByPiece) {
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"},
                         {"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"}});
  std::string taken;
  const BodySink sink = [&](std::string_view piece) -> Result<void> {
    taken += piece;
    return {};
  };
  EXPECT_EQ(client_.send({}, {.url = server.url()}, sink).value().body, "");
  EXPECT_EQ(taken, "abcde");
  // What is no good answer is none of the sink's.
  EXPECT_EQ(client_.send({}, {.url = server.url()}, sink).value().body, "none");
  EXPECT_EQ(taken, "abcde");
}

TEST_F(CurlClientTest, EndsWithTheErrorOfTheSink) {
  ScriptedServer server({{kHello}});
  const auto answer = client_.send({}, {.url = server.url()}, [](std::string_view) -> Result<void> {
    return Error{.code = ErrorCode::disk_full, .message = "no room"};
  });
  EXPECT_EQ(answer.error().message, "no room");
}

TEST_F(CurlClientTest, TellsWhetherARequestMayHaveBeenActedOn) {
  int closed = 0;
  {
    const ScriptedServer gone({});
    closed = gone.port();
  }
  const auto refused = client_.send({}, {.url = fmt::format("http://127.0.0.1:{}/", closed)});
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_TRUE(refused.error().retryable);

  ScriptedServer cut({{"", /*close=*/true}, {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", /*close=*/true}});
  for (int i = 0; i < 2; ++i) {
    const auto broken = client_.send({}, {.method = "POST", .url = cut.url(), .body = "x"});
    EXPECT_EQ(broken.error().code, ErrorCode::unavailable);
    EXPECT_FALSE(broken.error().retryable);
  }
}

TEST_F(CurlClientTest, EndsByItsDeadline) {
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", /*close=*/false, /*hang=*/true}});
  const auto late = client_.send(runtime::Context{}.with_timeout(clock_, 30ms), {.url = server.url()});
  EXPECT_EQ(late.error().code, ErrorCode::timed_out);
}

TEST_F(CurlClientTest, EndsWhenItIsStopped) {
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", false, /*hang=*/true}});
  runtime::StopSource stop;
  runtime::Context context;
  context.stop = stop.get_token();
  const auto stopped = client_.send(context, {.url = server.url()}, [&](std::string_view) -> Result<void> {
    stop.request_stop();
    return {};
  });
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
}

TEST_F(CurlClientTest, LimitsABodyThatNobodyTakes) {
  CurlClient client({.maximum_body_bytes = 4}, clock_);
  ScriptedServer server({{kHello}});
  EXPECT_EQ(client.send({}, {.url = server.url()}).error().code, ErrorCode::limit_exceeded);
}

TEST_F(CurlClientTest, SendsAFile) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("stoker-net-{}", ::getpid());
  std::ofstream(path) << "content";
  ScriptedServer server({{kHello}});
  EXPECT_TRUE(client_.send({}, {.method = "PUT", .url = server.url(), .body_file = path.string()}).ok());
  EXPECT_TRUE(server.requests().at(0).ends_with("Content-Length: 7\r\n\r\ncontent")) << server.requests().at(0);
  std::filesystem::remove(path);
  EXPECT_EQ(client_.send({}, {.method = "PUT", .url = server.url(), .body_file = path.string()}).error().code,
            ErrorCode::not_found);
}

TEST_F(CurlClientTest, GoesThroughAProxyUnlessItIsExcepted) {
  ScriptedServer proxy({{kHello}});
  ClientOptions options;
  take_proxy_from_environment(options, {{"http_proxy", proxy.url()}, {"no_proxy", "10.0.0.0/8"}}, "http");
  CurlClient client(options, clock_);
  EXPECT_TRUE(client.send({}, {.url = "http://api.example/x"}).ok());
  EXPECT_TRUE(proxy.requests().at(0).starts_with("GET http://api.example/x HTTP/1.1\r\n"));

  ScriptedServer server({{kHello}});
  take_proxy_from_environment(options, {}, "http");
  options.no_proxy = "127.0.0.0/8";
  CurlClient direct(options, clock_);
  EXPECT_TRUE(direct.send({}, {.url = server.url()}).ok());
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(Url, IsTakenApart) {
  const Url url = parse_url("https://[::1]:6443/a%20b?x=1").value();
  EXPECT_EQ(url.scheme + "|" + url.authority() + "|" + url.path + "|" + url.query, "https|[::1]:6443|/a%20b|x=1");
  EXPECT_FALSE(parse_url("https://").ok());
  EXPECT_EQ(percent_encode("a/b ü", "/"), "a/b%20%C3%BC");
  EXPECT_EQ(write_query({{"a b", "c&d"}, {"e", ""}}), "a%20b=c%26d&e=");
}

}  // namespace
}  // namespace stoker::net
