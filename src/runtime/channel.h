// Channel: JSON messages, and descriptors beside them, over a stream socket.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "codec/json.h"
#include "runtime/context.h"
#include "runtime/fd.h"
#include "runtime/file.h"
#include "runtime/frame.h"

namespace stoker::runtime {

// Descriptors that wait in one channel to be taken; more are closed.
inline constexpr std::size_t kMaximumPassedDescriptors = 16;

// One end of a framed stream. Works in an event loop (watch fd(), then read_available() and next()) and blocking
// (receive()). The socket is non-blocking inside; send() waits for room until the context ends. Not thread-safe, except
// that one thread may send while another receives.
class Channel {
 public:
  Channel(Fd socket, std::size_t limit);

  int fd() const { return socket_.get(); }

  // Waits while the other side does not read. The descriptors stay the caller's.
  Result<void> send(const json::value& message, const Context& context, const Clock& clock,
                    std::span<const int> descriptors = {});
  // Never waits: an error of code `unavailable` (retryable) when the other side is not reading and the message would
  // have to be cut.
  Result<void> send_now(const json::value& message);

  // Reads what is there, at most `most` bytes. False: the other end is closed.
  Result<bool> read_available(std::size_t most = 1024 * 1024);
  // The next message out of what was read; none when it is not complete. Bad JSON is an error, and the next call goes
  // on behind it; a bad length is an error for ever.
  Result<std::optional<json::value>> next();
  // Waits for one message. An error of code `unavailable` when the other side closed first.
  Result<json::value> receive(const Context& context, const Clock& clock);

  std::vector<Fd> take_descriptors();
  // Bytes of a message that has begun and not ended.
  std::size_t pending() const { return decoder_.pending(); }
  bool broken() const { return broken_; }
  void close() { socket_.reset(); }

 private:
  Result<std::size_t> write_some(std::string_view bytes, std::span<const int> descriptors);
  Result<void> wait_for(short events, const Context& context, const Clock& clock) const;

  Fd socket_;
  std::size_t limit_;
  FrameDecoder decoder_;
  std::deque<Fd> descriptors_;
  bool broken_ = false;
};

// Two connected ends, both close-on-exec.
Result<std::pair<Fd, Fd>> make_socket_pair();

// Listens at a socket file of mode 0600 and removes it at the end. A file left behind by a dead process is replaced; a
// living one is an error of code already_exists.
class UnixListener {
 public:
  static Result<UnixListener> listen(const Path& path);
  UnixListener(UnixListener&&) noexcept = default;
  UnixListener& operator=(UnixListener&&) noexcept = default;
  ~UnixListener();

  int fd() const { return socket_.get(); }
  // None when nobody waits. A peer of another user is turned away with an error of code permission.
  Result<std::optional<Fd>> accept();

 private:
  UnixListener(Fd socket, Path path) : socket_(std::move(socket)), path_(std::move(path)) {}
  Fd socket_;
  Path path_;
};

Result<Fd> connect_unix(const Path& path);

}  // namespace stoker::runtime
