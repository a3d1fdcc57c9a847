// The body for systems without pidfd and PDEATHSIG: a thread per watched process, and no help from the kernel when the
// parent dies.
#ifndef __linux__

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "runtime/process/process_system.h"

namespace stoker::runtime::system {

namespace {

constexpr std::chrono::milliseconds kStrangerPoll(100);

void wait_for_end(pid_t pid) {
  siginfo_t info{};
  int waited = 0;
  do {
    waited = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  } while (waited < 0 && errno == EINTR);
  if (waited == 0) return;
  // Not a child of ours: nothing tells its end but its absence.
  while (::kill(pid, 0) == 0 || errno == EPERM)
    std::this_thread::sleep_for(kStrangerPoll);
}

}  // namespace

Result<Fd> exit_descriptor(pid_t pid) {
  if (::kill(pid, 0) < 0 && errno == ESRCH) return system_error("watch process " + std::to_string(pid), ESRCH);
  TRY_ASSIGN(Pipe pipe, make_pipe());
  // The write end closes with the thread, which makes the read end readable.
  std::thread([pid, end = std::move(pipe.write_end)] { wait_for_end(pid); }).detach();
  return std::move(pipe.read_end);
}

bool die_with_parent(pid_t parent) {
  return ::getppid() == parent;
}

}  // namespace stoker::runtime::system

#endif
