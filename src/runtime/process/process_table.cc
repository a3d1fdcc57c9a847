#include "runtime/process/process_table.h"

#include <poll.h>

#include <csignal>
#include <utility>

namespace stoker::runtime {

Result<void> end_processes(const std::function<std::vector<ProcessIdentity>()>& find, const Context& context,
                           const Clock& clock) {
  for (auto living = find(); !living.empty(); living = find()) {
    for (const auto& process : living) {
      // The descriptor comes first: afterwards the number may be somebody else's.
      auto exit = watch_exit(process.pid);
      if (!signal_process(process, SIGKILL) || !exit) continue;
      pollfd polled{exit->get(), POLLIN, 0};
      ::poll(&polled, 1, context.deadline.poll_timeout(clock.steady_now()));
    }
    TRY(context.check(clock).with_context("end processes"));
  }
  return {};
}

}  // namespace stoker::runtime
