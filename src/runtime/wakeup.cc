#include "runtime/wakeup.h"

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#ifdef __linux__
#include <sys/eventfd.h>
#endif

namespace stoker::runtime {

Wakeup::Wakeup() {
#ifdef __linux__
  read_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!read_.valid()) throw std::system_error(errno, std::generic_category(), "eventfd");
#else
  auto pipe = make_pipe();
  if (!pipe) throw std::system_error(errno, std::generic_category(), "pipe");
  read_ = std::move(pipe->read_end);
  write_ = std::move(pipe->write_end);
  if (!set_nonblocking(read_.get(), true) || !set_nonblocking(write_.get(), true)) {
    throw std::system_error(errno, std::generic_category(), "fcntl");
  }
#endif
}

void Wakeup::notify() const {
  const int saved = errno;  // a signal handler may be the caller
  const std::uint64_t one = 1;
  // A full pipe or counter is readable already: nothing is lost.
  [[maybe_unused]] auto written = ::write(write_.valid() ? write_.get() : read_.get(), &one, sizeof one);
  errno = saved;
}

void Wakeup::drain() const {
  char buffer[256];
  while (::read(read_.get(), buffer, sizeof buffer) == sizeof buffer) {
  }
}

}  // namespace stoker::runtime
