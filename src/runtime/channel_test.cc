#include "runtime/channel.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

namespace stoker::runtime {
namespace {

constexpr std::size_t kLimit = 64 * 1024;

struct Ends {
  Channel left;
  Channel right;
};

Ends connected(std::size_t limit = kLimit) {
  auto pair = make_socket_pair().value();
  return {Channel(std::move(pair.first), limit), Channel(std::move(pair.second), limit)};
}

TEST(Channel, CarriesMessagesBothWays) {
  SystemClock clock;
  auto [left, right] = connected();
  ASSERT_TRUE(left.send({{"type", "hello"}}, {}, clock));
  ASSERT_TRUE(left.send_now({{"type", "started"}}));
  EXPECT_EQ(right.receive({}, clock).value(), json::value({{"type", "hello"}}));
  EXPECT_EQ(right.receive({}, clock).value(), json::value({{"type", "started"}}));
  ASSERT_TRUE(right.send({1, 2}, {}, clock));
  EXPECT_EQ(left.receive({}, clock).value(), json::value({1, 2}));
}

TEST(Channel, CarriesMessagesLargerThanTheSocketBuffer) {
  SystemClock clock;
  auto [left, right] = connected(16 * 1024 * 1024);
  json::value large{{"text", std::string(5'000'000, 'x')}};
  std::thread sender([&, &from = left] { EXPECT_TRUE(from.send(large, {}, clock)); });
  EXPECT_EQ(right.receive({}, clock).value(), large);
  sender.join();
}

TEST(Channel, PassesDescriptors) {
  SystemClock clock;
  auto [left, right] = connected();
  auto pipe = make_pipe().value();
  const std::vector<int> passed{pipe.write_end.get()};
  ASSERT_TRUE(left.send({{"op", "run"}}, {}, clock, passed));
  pipe.write_end.reset();
  ASSERT_TRUE(right.receive({}, clock));
  auto received = right.take_descriptors();
  ASSERT_EQ(received.size(), 1u);
  ASSERT_TRUE(write_all(received[0].get(), "through"));
  received.clear();
  char buffer[16];
  EXPECT_EQ(::read(pipe.read_end.get(), buffer, sizeof buffer), 7);
  EXPECT_EQ(::read(pipe.read_end.get(), buffer, sizeof buffer), 0) << "no copy of the write end is left";
}

TEST(Channel, BadJsonCostsOneMessageAndABadLengthTheChannel) {
  SystemClock clock;
  auto [left, right] = connected(100);
  ASSERT_TRUE(write_all(left.fd(), encode_frame("not json", 100).value()));
  ASSERT_TRUE(left.send({{"type", "started"}}, {}, clock));
  ASSERT_TRUE(right.read_available());
  EXPECT_FALSE(right.next().ok());
  EXPECT_EQ(**right.next(), json::value({{"type", "started"}}));
  ASSERT_TRUE(write_all(left.fd(), "rubbish!"));
  ASSERT_TRUE(right.read_available());
  EXPECT_EQ(right.next().error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(right.next().error().code, ErrorCode::limit_exceeded);
}

TEST(Channel, TellsACloseATimeoutAndAStop) {
  SystemClock clock;
  auto [left, right] = connected();
  auto soon = Context{}.with_timeout(clock, std::chrono::milliseconds(1));
  EXPECT_EQ(right.receive(soon, clock).error().code, ErrorCode::timed_out);
  StopSource stop;
  Context stopped;
  stopped.stop = stop.get_token();
  std::thread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(right.receive(stopped, clock).error().code, ErrorCode::cancelled);
  stopper.join();
  left.close();
  EXPECT_EQ(right.receive({}, clock).error().code, ErrorCode::unavailable);
  EXPECT_EQ(right.send({}, {}, clock).error().code, ErrorCode::unavailable);
}

TEST(Channel, SendNowNeverWaitsAndNeverContinuesACutFrame) {
  auto [left, right] = connected(1024 * 1024);
  json::value large{{"text", std::string(900'000, 'x')}};
  Result<void> sent;
  for (int i = 0; i < 10 && sent.ok(); ++i)
    sent = left.send_now(large);
  ASSERT_FALSE(sent.ok());
  EXPECT_TRUE(left.broken());
  EXPECT_FALSE(left.send_now({}).ok());
}

TEST(UnixListener, AcceptsAndReplacesWhatADeadProcessLeft) {
  auto folder = TemporaryDirectory::make("stoker-socket-").value();
  // Deeper than a socket address can hold.
  Path path = folder.path() / std::string(100, 'd') / "engine.sock";
  ASSERT_TRUE(make_directories(path.parent_path()));
  {
    auto listener = UnixListener::listen(path);
    ASSERT_TRUE(listener) << listener.error().describe();
    struct stat info{};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    EXPECT_FALSE(listener->accept().value().has_value());
    EXPECT_EQ(UnixListener::listen(path).error().code, ErrorCode::already_exists);
    auto client = connect_unix(path);
    ASSERT_TRUE(client);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  // As after kill -9: the file is there and nobody listens.
  {
    auto first = UnixListener::listen(path).value();
    std::filesystem::create_hard_link(path, path.string() + ".kept");
  }
  std::filesystem::rename(path.string() + ".kept", path);
  EXPECT_FALSE(connect_unix(path).ok());
  auto second = UnixListener::listen(path);
  ASSERT_TRUE(second) << second.error().describe();
  SystemClock clock;
  Channel client(connect_unix(path).value(), kLimit);
  Channel server(std::move(second->accept().value().value()), kLimit);
  ASSERT_TRUE(client.send({{"op", "cancel"}}, {}, clock));
  EXPECT_EQ(server.receive({}, clock).value(), json::value({{"op", "cancel"}}));
}

}  // namespace
}  // namespace stoker::runtime
