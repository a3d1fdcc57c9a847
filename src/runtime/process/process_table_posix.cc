// The body for systems without /proc: a pid is all that is known of a process, and nobody can be found by environment.
#ifndef __linux__

#include <signal.h>

#include <cerrno>

#include "runtime/process/process_system.h"
#include "runtime/process/process_table.h"

namespace stoker::runtime {

std::optional<ProcessIdentity> identify_process(pid_t pid) {
  if (::kill(pid, 0) < 0 && errno == ESRCH) return std::nullopt;
  return ProcessIdentity{pid, ""};
}
bool is_alive(const ProcessIdentity& identity) {
  return identify_process(identity.pid).has_value();
}
std::vector<ProcessIdentity> find_processes_by_environment(const std::string&, const std::string&) {
  return {};
}
std::vector<ProcessIdentity> find_processes_by_environment_prefix(const std::string&, const std::string&) {
  return {};
}
std::vector<ProcessIdentity> find_session(const ProcessIdentity&) {
  return {};
}
std::vector<ProcessIdentity> find_left_behind(pid_t, const std::string&, const std::string&) {
  return {};
}
// Without a start time a number may name somebody else: only the liveness question is answered, nobody is killed.
bool signal_process(const ProcessIdentity& identity, int signal) {
  return signal == 0 && is_alive(identity);
}
Result<Fd> watch_exit(pid_t pid) {
  return system::exit_descriptor(pid);
}
std::optional<std::uint64_t> count_memory_kills() {
  return std::nullopt;
}
std::uint64_t resident_memory_of_session(pid_t) {
  return 0;
}

}  // namespace stoker::runtime

#endif
