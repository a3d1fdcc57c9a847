#include "workers/loopback_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace stoker::workers {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

// A deadline of the caller's clock ends a wait; a stop is noticed within this time without a descriptor for each call.
constexpr std::chrono::milliseconds kStopLatency{100};

Error closed() {
  return Error{.code = ErrorCode::unavailable, .message = "the JVM closed the connection"};
}

}  // namespace

Result<LoopbackSocket> LoopbackSocket::connect(std::uint16_t port) {
  runtime::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return system_error("make a socket", errno);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int connected = 0;
  do {
    connected = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (connected < 0 && errno == EINTR);
  if (connected < 0) return system_error("connect to the JVM at port " + std::to_string(port), errno);
  int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  TRY(runtime::set_nonblocking(fd.get(), true));
  return LoopbackSocket(std::move(fd));
}

Result<void> LoopbackSocket::wait_for(short events, const runtime::Context& context, const Clock& clock) const {
  while (true) {
    TRY(context.check(clock));
    int timeout = context.deadline.poll_timeout(clock.steady_now());
    if (context.stop.stop_possible() && (timeout < 0 || timeout > kStopLatency.count())) {
      timeout = static_cast<int>(kStopLatency.count());
    }
    pollfd poll{socket_.get(), events, 0};
    int ready = ::poll(&poll, 1, timeout);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return system_error("wait for the JVM", errno);
  }
}

Result<void> LoopbackSocket::send(std::string_view bytes, const runtime::Context& context, const Clock& clock) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      TRY(wait_for(POLLOUT, context, clock));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return closed();
    } else if (errno != EINTR) {
      return system_error("send to the JVM", errno);
    }
  }
  return {};
}

Result<std::string> LoopbackSocket::receive_line(std::size_t limit, const runtime::Context& context,
                                                 const Clock& clock) {
  std::size_t searched = 0;
  while (true) {
    auto end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    searched = buffer_.size();
    if (searched > limit)
      return Error{.code = ErrorCode::limit_exceeded, .message = "an answer of the JVM is too long"};
    std::array<char, kReadBytes> chunk;
    ssize_t received = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (received > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(received));
    } else if (received == 0 || errno == ECONNRESET) {
      return closed();
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      TRY(wait_for(POLLIN, context, clock));
    } else if (errno != EINTR) {
      return system_error("receive from the JVM", errno);
    }
  }
}

}  // namespace stoker::workers
