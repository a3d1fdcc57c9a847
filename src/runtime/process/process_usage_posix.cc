#ifndef __linux__

#include <unistd.h>

#include "runtime/process/process_usage.h"

namespace stoker::runtime {

std::optional<ProcessUsage> process_usage(pid_t) {
  return std::nullopt;
}

bool reset_peak_memory(pid_t) {
  return false;
}

std::vector<ProcessIdentity> session_members(pid_t) {
  return {};
}

std::optional<std::uint64_t> physical_memory() {
  return std::nullopt;
}

}  // namespace stoker::runtime

#endif
