#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "runtime/channel.h"

namespace stoker::runtime {

namespace {

constexpr int kBacklog = 64;

void set_close_on_exec([[maybe_unused]] int fd) {
#ifndef SOCK_CLOEXEC
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
}

Result<Fd> make_socket() {
#ifdef SOCK_CLOEXEC
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
#else
  Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
#endif
  if (!fd.valid()) return system_error("make a socket", errno);
  set_close_on_exec(fd.get());
  return fd;
}

// A socket address holds about 108 bytes. A longer path goes by its folder's descriptor on Linux, so that deep stores
// work.
struct Address {
  sockaddr_un value{};
  Fd folder;  // keeps /proc/self/fd/N alive
};

Result<Address> make_address(const Path& path) {
  Address address;
  address.value.sun_family = AF_UNIX;
  std::string text = path.string();
#ifdef __linux__
  if (text.size() >= sizeof address.value.sun_path) {
    Path parent = path.has_parent_path() ? path.parent_path() : Path(".");
    address.folder = Fd(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!address.folder.valid()) return system_error("open " + parent.string(), errno);
    text = "/proc/self/fd/" + std::to_string(address.folder.get()) + "/" + path.filename().string();
  }
#endif
  if (text.size() >= sizeof address.value.sun_path) {
    return Error{.code = ErrorCode::limit_exceeded,
                 .message = "the socket path is too long: " + path.string(),
                 .hint = "use a folder with a shorter path"};
  }
  std::memcpy(address.value.sun_path, text.c_str(), text.size() + 1);
  return address;
}

// The user on the other end, where the system tells.
std::optional<uid_t> peer_user(int fd) {
#ifdef SO_PEERCRED
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) return credentials.uid;
#else
  uid_t user = 0;
  gid_t group = 0;
  if (::getpeereid(fd, &user, &group) == 0) return user;
#endif
  return std::nullopt;
}

}  // namespace

Result<std::pair<Fd, Fd>> make_socket_pair() {
  int ends[2];
#ifdef SOCK_CLOEXEC
  int made = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
#else
  int made = ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
#endif
  if (made < 0) return system_error("make a socket pair", errno);
  std::pair<Fd, Fd> pair{Fd(ends[0]), Fd(ends[1])};
  set_close_on_exec(ends[0]);
  set_close_on_exec(ends[1]);
  return pair;
}

Result<UnixListener> UnixListener::listen(const Path& path) {
  TRY_ASSIGN(Fd fd, make_socket());
  TRY(set_nonblocking(fd.get(), true));
  TRY_ASSIGN(Address address, make_address(path));
  const auto* raw = reinterpret_cast<const sockaddr*>(&address.value);
  // The mode of the file is that of the descriptor on Linux, and never wider than the umask says elsewhere: set both.
  ::fchmod(fd.get(), kPrivateFile);
  int bound = ::bind(fd.get(), raw, sizeof address.value);
  if (bound < 0 && errno == EADDRINUSE) {
    if (connect_unix(path).ok()) {
      return Error{.code = ErrorCode::already_exists, .message = "somebody listens at " + path.string()};
    }
    ::unlink(path.c_str());
    bound = ::bind(fd.get(), raw, sizeof address.value);
  }
  if (bound < 0) return system_error("bind " + path.string(), errno);
  UnixListener listener(std::move(fd), path);
  if (::chmod(path.c_str(), kPrivateFile) < 0) return system_error("set the mode of " + path.string(), errno);
  if (::listen(listener.fd(), kBacklog) < 0) return system_error("listen at " + path.string(), errno);
  return listener;
}

UnixListener::~UnixListener() {
  if (socket_.valid()) ::unlink(path_.c_str());
}

Result<std::optional<Fd>> UnixListener::accept() {
  while (true) {
#ifdef SOCK_CLOEXEC
    Fd fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
#else
    Fd fd(::accept(socket_.get(), nullptr, nullptr));
#endif
    if (fd.valid()) {
      set_close_on_exec(fd.get());
      auto user = peer_user(fd.get());
      if (user && *user != ::geteuid() && *user != 0) {
        return Error{.code = ErrorCode::permission, .message = "a process of another user connected"};
      }
      return std::optional<Fd>(std::move(fd));
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNABORTED) return std::optional<Fd>();
    if (errno != EINTR) return system_error("accept a connection", errno);
  }
}

Result<Fd> connect_unix(const Path& path) {
  TRY_ASSIGN(Fd fd, make_socket());
  TRY_ASSIGN(Address address, make_address(path));
  int connected = 0;
  do {
    connected = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.value), sizeof address.value);
  } while (connected < 0 && errno == EINTR);
  if (connected < 0) return system_error("connect to " + path.string(), errno);
  return fd;
}

}  // namespace stoker::runtime
