// What other processes use: CPU time and memory of one, and the members of a session. Empty answers where the system
// does not tell.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/process/process_table.h"

namespace stoker::runtime {

struct ProcessUsage {
  std::chrono::milliseconds cpu{0};  // user + system, with the children that it has waited for
  std::uint64_t resident_bytes = 0;
  std::uint64_t peak_resident_bytes = 0;
};
std::optional<ProcessUsage> process_usage(pid_t pid);

// Starts the process's peak anew, so that the peak of a part of its life can be read. False: the system cannot.
bool reset_peak_memory(pid_t pid);

// The living processes of the session that `leader` leads, without itself.
std::vector<ProcessIdentity> session_members(pid_t leader);

// Memory of the machine; none when unknown.
std::optional<std::uint64_t> physical_memory();

}  // namespace stoker::runtime
