#ifdef __linux__

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/process/process_system.h"

namespace stoker::runtime::system {

Result<Fd> exit_descriptor(pid_t pid) {
  auto descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) return system_error("watch process " + std::to_string(pid), errno);
  return Fd(descriptor);
}

bool die_with_parent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return ::getppid() == parent;  // it may have ended before the call above
}

}  // namespace stoker::runtime::system

#endif
