#include "runtime/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace stoker::runtime {

namespace {

constexpr std::size_t kReadBlock = 64 * 1024;

Error closed_by_peer() {
  return Error{.code = ErrorCode::unavailable, .message = "the other side closed the connection", .retryable = true};
}

// Takes every descriptor out of a received control message, close-on-exec.
void collect_descriptors(msghdr& header, std::deque<Fd>& into) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      Fd owned(descriptor);
      if (into.size() < kMaximumPassedDescriptors) into.push_back(std::move(owned));
    }
  }
}

constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(int) * kMaximumPassedDescriptors);

}  // namespace

Channel::Channel(Fd socket, std::size_t limit) : socket_(std::move(socket)), limit_(limit), decoder_(limit) {
  // A socket that cannot be set so shows its fault at the first read or write.
  [[maybe_unused]] auto ignored = set_nonblocking(socket_.get(), true);
}

Result<std::size_t> Channel::write_some(std::string_view bytes, std::span<const int> descriptors) {
  iovec block{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &block;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
  if (!descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = static_cast<decltype(header.msg_controllen)>(CMSG_SPACE(sizeof(int) * descriptors.size()));
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(part), descriptors.data(), sizeof(int) * descriptors.size());
  }
  while (true) {
    ssize_t count = ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::size_t{0};
    if (errno == EPIPE || errno == ECONNRESET) return closed_by_peer();
    if (errno != EINTR) return system_error("send to a socket", errno);
  }
}

Result<void> Channel::wait_for(short events, const Context& context, const Clock& clock) const {
  StopDescriptor stop(context.stop);
  while (true) {
    TRY(context.check(clock));
    std::array<pollfd, 2> polled{{{socket_.get(), events, 0}, {stop.fd(), POLLIN, 0}}};
    int count = ::poll(polled.data(), polled.size(), context.deadline.poll_timeout(clock.steady_now()));
    if (count < 0 && errno != EINTR) return system_error("wait for a socket", errno);
    if (polled[0].revents != 0) return {};
  }
}

Result<void> Channel::send(const json::value& message, const Context& context, const Clock& clock,
                           std::span<const int> descriptors) {
  if (descriptors.size() > kMaximumPassedDescriptors) {
    return Error{.code = ErrorCode::limit_exceeded, .message = "too many descriptors for one message"};
  }
  TRY_ASSIGN(std::string frame, encode_frame(codec::write_json(message), limit_));
  std::string_view rest = frame;
  while (!rest.empty()) {
    TRY_ASSIGN(std::size_t count, write_some(rest, descriptors));
    if (count > 0) descriptors = {};  // they travel with the first byte
    rest.remove_prefix(count);
    if (count == 0) TRY(wait_for(POLLOUT, context, clock));
  }
  return {};
}

Result<void> Channel::send_now(const json::value& message) {
  if (broken_) return closed_by_peer();
  TRY_ASSIGN(std::string frame, encode_frame(codec::write_json(message), limit_));
  TRY_ASSIGN(std::size_t count, write_some(frame, {}));
  if (count == frame.size()) return {};
  // A cut frame cannot be taken back, so nothing more may follow it.
  broken_ = count > 0;
  return Error{.code = ErrorCode::unavailable, .message = "the other side does not read", .retryable = count == 0};
}

Result<bool> Channel::read_available(std::size_t most) {
  std::vector<char> buffer(kReadBlock);
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
  std::size_t total = 0;
  while (total < most) {
    iovec block{buffer.data(), buffer.size()};
    msghdr header{};
    header.msg_iov = &block;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
#ifdef MSG_CMSG_CLOEXEC
    ssize_t count = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC);
#else
    ssize_t count = ::recvmsg(socket_.get(), &header, 0);
#endif
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (count < 0 && errno == ECONNRESET) return false;
    if (count < 0) return system_error("read from a socket", errno);
    collect_descriptors(header, descriptors_);
    if (count == 0) return false;
    decoder_.feed({buffer.data(), static_cast<std::size_t>(count)});
    total += static_cast<std::size_t>(count);
  }
  return true;
}

Result<std::optional<json::value>> Channel::next() {
  TRY_ASSIGN(auto payload, decoder_.next());
  if (!payload) return std::optional<json::value>();
  TRY_ASSIGN(json::value message, codec::parse_json(*payload));
  return std::optional<json::value>(std::move(message));
}

Result<json::value> Channel::receive(const Context& context, const Clock& clock) {
  bool open = true;
  while (true) {
    TRY_ASSIGN(auto message, next());
    if (message) return *std::move(message);
    if (!open) return closed_by_peer();
    TRY(wait_for(POLLIN, context, clock));
    TRY_ASSIGN(open, read_available());
  }
}

std::vector<Fd> Channel::take_descriptors() {
  std::vector<Fd> taken;
  for (auto& descriptor : descriptors_)
    taken.push_back(std::move(descriptor));
  descriptors_.clear();
  return taken;
}

}  // namespace stoker::runtime
