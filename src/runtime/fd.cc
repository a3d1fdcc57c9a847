#include "runtime/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace stoker::runtime {

void Fd::reset(int descriptor) {
  // close() is never retried: on EINTR the descriptor is gone on Linux, and another thread may own the number already.
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = descriptor;
}

Result<void> set_nonblocking(int descriptor, bool on) {
  int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0) return system_error("read descriptor flags", errno);
  int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted != flags && ::fcntl(descriptor, F_SETFL, wanted) < 0) return system_error("set descriptor flags", errno);
  return {};
}

Result<Pipe> make_pipe() {
  int ends[2];
#ifdef __linux__
  if (::pipe2(ends, O_CLOEXEC) < 0) return system_error("make a pipe", errno);
#else
  if (::pipe(ends) < 0) return system_error("make a pipe", errno);
  for (int end : ends)
    ::fcntl(end, F_SETFD, FD_CLOEXEC);
#endif
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

}  // namespace stoker::runtime
