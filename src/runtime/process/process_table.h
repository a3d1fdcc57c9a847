// Other processes of this machine: who they are, and who was killed for memory. Empty answers where the system does not
// tell.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/context.h"
#include "runtime/fd.h"

namespace stoker::runtime {

// A pid together with the moment of its start (clock ticks since boot, with the boot's id): it never names a later
// process.
struct ProcessIdentity {
  pid_t pid = -1;
  std::string started;
  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};
// Also of a process that has ended and not been reaped, whose number is still its own.
std::optional<ProcessIdentity> identify_process(pid_t pid);
// It runs: ended and not reaped is not alive.
bool is_alive(const ProcessIdentity& identity);

// Processes of this user whose environment, as they were started, has name=value. Never ourselves.
std::vector<ProcessIdentity> find_processes_by_environment(const std::string& name, const std::string& value);
// The same, for a value that begins with `prefix`.
std::vector<ProcessIdentity> find_processes_by_environment_prefix(const std::string& name, const std::string& prefix);

// The living processes of the session that `leader` led, itself included. Empty when its number has passed to somebody
// else.
std::vector<ProcessIdentity> find_session(const ProcessIdentity& leader);

// What an ended leader left: processes of its session, and those that have name=value in their environment. Only
// processes that began after the leader are looked at, which makes it cheap.
std::vector<ProcessIdentity> find_left_behind(pid_t leader, const std::string& name, const std::string& value);

// Sends the signal unless the pid has been taken over by another process. False: it was gone.
bool signal_process(const ProcessIdentity& identity, int signal);

// Kills all that `find` names, waits until they are gone, and asks again (a process may fork while it is looked for),
// until nobody is named or the context ends: then its error.
Result<void> end_processes(const std::function<std::vector<ProcessIdentity>()>& find, const Context& context,
                           const Clock& clock);

// A descriptor that becomes readable when the process ends; the process need not be a child.
Result<Fd> watch_exit(pid_t pid);

// How often the kernel has killed for lack of memory here (machine and own control group). Growth during an attempt is
// evidence.
std::optional<std::uint64_t> count_memory_kills();

// Current resident memory of the process group or session led by `leader`, summed.
std::uint64_t resident_memory_of_session(pid_t leader);

}  // namespace stoker::runtime
