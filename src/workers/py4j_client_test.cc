#include "workers/py4j_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <thread>

namespace stoker::workers::py4j {
namespace {

using namespace std::chrono_literals;

// A gateway with one connection that answers whole requests by a script, and remembers what it was asked.
class FakeGateway {
 public:
  explicit FakeGateway(std::map<std::string, std::string> script) : script_(std::move(script)) {
    listener_ = runtime::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  ~FakeGateway() { ::shutdown(listener_.get(), SHUT_RDWR); }

  std::uint16_t port() const { return port_; }
  std::vector<std::string> asked() {
    std::scoped_lock lock(mutex_);
    return asked_;
  }

 private:
  void serve() {
    runtime::Fd connection(::accept(listener_.get(), nullptr, nullptr));
    std::string buffer;
    std::size_t request = 0;
    char chunk[4096];
    while (connection.valid()) {
      ssize_t got = ::read(connection.get(), chunk, sizeof chunk);
      if (got <= 0) return;
      buffer.append(chunk, static_cast<std::size_t>(got));
      while (auto end = end_of_request(buffer, request == 0)) {
        std::string text = buffer.substr(0, end);
        buffer.erase(0, end);
        ++request;
        std::string answer;
        {
          std::scoped_lock lock(mutex_);
          asked_.push_back(text);
          auto found = script_.find(text);
          answer = found == script_.end() ? "!yv" : found->second;
        }
        if (answer == "close") return;
        if (answer == "silence") continue;
        answer += "\n";
        if (::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
      }
    }
  }

  // The authentication is two lines; everything else ends with a line "e".
  static std::size_t end_of_request(const std::string& buffer, bool first) {
    if (first) {
      auto line = buffer.find('\n');
      auto second = line == std::string::npos ? line : buffer.find('\n', line + 1);
      return second == std::string::npos ? 0 : second + 1;
    }
    auto end = buffer.find("\ne\n");
    return end == std::string::npos ? 0 : end + 3;
  }

  std::map<std::string, std::string> script_;
  runtime::Fd listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> asked_;
  std::jthread thread_;
};

class Py4jClient : public testing::Test {
 protected:
  SystemClock clock_;
  runtime::Context context_{.deadline = runtime::Deadline::after(clock_, 30s)};
};

TEST_F(Py4jClient, CallsAndReads) {
  FakeGateway gateway({{encode_static_call("java.lang.System", "getProperty", {std::string("x")}), "!ysa\\nb"},
                       {encode_call({"o1"}, "size", {}), "!yi3"}});
  auto client = Client::connect({gateway.port(), "s3cret"}, context_, clock_);
  ASSERT_TRUE(client.ok()) << client.error().describe();
  Calls calls(*client, context_);
  EXPECT_EQ(as_text(calls.call_static("java.lang.System", "getProperty", {std::string("x")})).value_or("-"), "a\nb");
  EXPECT_EQ(calls.number({"o1"}, "size").value_or(-1), 3);
  EXPECT_EQ(gateway.asked()[0], "A\ns3cret\n");
}

TEST_F(Py4jClient, AWrongSecretIsRefused) {
  FakeGateway gateway({{encode_authentication("wrong"), "!xspy4j.security: nope"}});
  auto client = Client::connect({gateway.port(), "wrong"}, context_, clock_);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().code, ErrorCode::permission);
}

TEST_F(Py4jClient, AnExceptionHasItsClassAndMessage) {
  FakeGateway gateway({{encode_call({"o1"}, "fail", {}), "!xro9"},
                       {encode_stack_trace({"o9"}), "!ysjava.lang.IllegalStateException: no\\n\\tat Foo.bar"},
                       {encode_call({"o1"}, "lack", {}), "!xspy4j.Py4JException: Method lack([]) does not exist"}});
  auto client = Client::connect({gateway.port(), "s"}, context_, clock_);
  ASSERT_TRUE(client.ok());
  Calls calls(*client, context_);
  EXPECT_EQ(calls.call({"o1"}, "fail").error().message, "java.lang.IllegalStateException: no");
  EXPECT_EQ(calls.call({"o1"}, "lack").error().message, "py4j.Py4JException: Method lack([]) does not exist");
  EXPECT_FALSE(client->broken());
  EXPECT_TRUE(calls.call({"o1"}, "fine").ok());
}

TEST_F(Py4jClient, ObjectsAreReleasedAfterTheirGroupUnlessKept) {
  FakeGateway gateway({{encode_call({"o1"}, "first", {}), "!yro2"}, {encode_call({"o1"}, "second", {}), "!yro3"}});
  auto client = Client::connect({gateway.port(), "s"}, context_, clock_);
  ASSERT_TRUE(client.ok());
  {
    Calls calls(*client, context_);
    EXPECT_TRUE(calls.object({"o1"}, "first").ok());
    auto kept = calls.object({"o1"}, "second");
    ASSERT_TRUE(kept.ok());
    calls.keep(*kept);
  }
  Calls(*client, context_).call({"o1"}, "next").ok();
  auto asked = gateway.asked();
  ASSERT_EQ(asked.size(), 5u);
  EXPECT_EQ(asked[3], encode_release({"o2"}));
}

TEST_F(Py4jClient, AClosedConnectionBreaksTheClient) {
  FakeGateway gateway({{encode_call({"o1"}, "die", {}), "close"}});
  auto client = Client::connect({gateway.port(), "s"}, context_, clock_);
  ASSERT_TRUE(client.ok());
  Calls calls(*client, context_);
  EXPECT_EQ(calls.call({"o1"}, "die").error().code, ErrorCode::unavailable);
  EXPECT_TRUE(client->broken());
  EXPECT_EQ(calls.call({"o1"}, "more").error().code, ErrorCode::unavailable);
}

TEST_F(Py4jClient, ADeadlineEndsAWait) {
  FakeGateway gateway({{encode_call({"o1"}, "hang", {}), "silence"}});
  auto client = Client::connect({gateway.port(), "s"}, context_, clock_);
  ASSERT_TRUE(client.ok());
  Calls calls(*client, context_.with_timeout(clock_, 20ms));
  EXPECT_EQ(calls.call({"o1"}, "hang").error().code, ErrorCode::timed_out);
  EXPECT_TRUE(client->broken());
}

TEST_F(Py4jClient, AStopEndsAWait) {
  FakeGateway gateway({{encode_call({"o1"}, "hang", {}), "silence"}});
  auto client = Client::connect({gateway.port(), "s"}, context_, clock_);
  ASSERT_TRUE(client.ok());
  runtime::StopSource source;
  Calls calls(*client, {.stop = source.get_token()});
  std::jthread stopper([&] { source.request_stop(); });
  EXPECT_EQ(calls.call({"o1"}, "hang").error().code, ErrorCode::cancelled);
}

TEST_F(Py4jClient, RubbishBreaksTheClient) {
  FakeGateway gateway({{encode_call({"o1"}, "odd", {}), "HTTP/1.1 400"}});
  auto client = Client::connect({gateway.port(), "s"}, context_, clock_);
  ASSERT_TRUE(client.ok());
  Calls calls(*client, context_);
  EXPECT_EQ(calls.call({"o1"}, "odd").error().code, ErrorCode::corrupt);
  EXPECT_TRUE(client->broken());
}

TEST_F(Py4jClient, ATypeThatWasNotExpectedIsAnError) {
  FakeGateway gateway({{encode_call({"o1"}, "name", {}), "!ystext"}});
  auto client = Client::connect({gateway.port(), "s"}, context_, clock_);
  ASSERT_TRUE(client.ok());
  Calls calls(*client, context_);
  EXPECT_EQ(calls.number({"o1"}, "name").error().code, ErrorCode::corrupt);
  EXPECT_EQ(calls.object({"o1"}, "name").error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace stoker::workers::py4j
