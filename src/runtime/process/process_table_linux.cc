#ifdef __linux__

#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <functional>

#include "base/strings.h"
#include "runtime/file.h"
#include "runtime/process/proc_linux.h"
#include "runtime/process/process_system.h"
#include "runtime/process/process_table.h"

namespace stoker::runtime {

namespace {

using proc::for_each_process;
using proc::kResidentField;
using proc::kSessionField;
using proc::kSizeField;
using proc::kStartField;
using proc::kStateField;
using proc::stat_fields;

const std::string& boot_id() {
  static const std::string id = [] {
    auto text = read_file("/proc/sys/kernel/random/boot_id", 128);
    return text ? std::string(trim(*text)) : std::string();
  }();
  return id;
}

// The environment as the process was started. In the middle of exec() it reads as empty for some microseconds: look
// again before believing it.
std::string environment_text(pid_t pid) {
  constexpr std::chrono::milliseconds kLongest{5};  // it may have lost its processor just then
  const auto end = std::chrono::steady_clock::now() + kLongest;
  while (true) {
    auto text = read_file(proc::file(pid, "environ"), proc::kFileLimit);
    if (!text) return {};  // gone, or another user's
    if (!text->empty() || std::chrono::steady_clock::now() > end) return *std::move(text);
    ::sched_yield();
  }
}

bool environment_has(pid_t pid, std::string_view wanted, bool prefix) {
  for (const auto& entry : split(environment_text(pid), '\0')) {
    if (prefix ? std::string_view(entry).starts_with(wanted) : entry == wanted) return true;
  }
  return false;
}

bool is_ours(pid_t pid) {
  struct stat info{};
  return ::stat(proc::file(pid, "").c_str(), &info) == 0 && info.st_uid == ::geteuid();
}

bool is_over(std::string_view state) {
  return state == "Z" || state == "X";
}

std::vector<ProcessIdentity> find_by_environment(const std::string& wanted, bool prefix) {
  std::vector<ProcessIdentity> found;
  for_each_process([&](pid_t pid) {
    if (pid == ::getpid() || !is_ours(pid)) return;
    // A kernel thread of the superuser has no environment, and a zombie none any more.
    auto fields = stat_fields(pid);
    if (fields.size() <= kStartField || is_over(fields[kStateField]) || fields[kSizeField] == "0") return;
    if (!environment_has(pid, wanted, prefix)) return;
    if (auto identity = identify_process(pid)) found.push_back(*std::move(identity));
  });
  return found;
}

std::optional<std::uint64_t> counter_in(const Path& path, std::string_view name) {
  auto text = read_file(path, proc::kFileLimit);
  if (!text) return std::nullopt;
  for (const auto& line : split(*text, '\n')) {
    auto words = split(line, ' ');
    if (words.size() != 2 || words[0] != name) continue;
    std::uint64_t value = 0;
    auto [end, error] = std::from_chars(words[1].data(), words[1].data() + words[1].size(), value);
    if (error == std::errc()) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProcessIdentity> identify_process(pid_t pid) {
  auto fields = stat_fields(pid);
  if (fields.size() <= kStartField) return std::nullopt;
  return ProcessIdentity{pid, fields[kStartField] + "@" + boot_id()};
}

bool is_alive(const ProcessIdentity& identity) {
  auto fields = stat_fields(identity.pid);
  return fields.size() > kStartField && !is_over(fields[kStateField]) && identify_process(identity.pid) == identity;
}

std::vector<ProcessIdentity> find_processes_by_environment(const std::string& name, const std::string& value) {
  return find_by_environment(name + "=" + value, false);
}

std::vector<ProcessIdentity> find_processes_by_environment_prefix(const std::string& name, const std::string& prefix) {
  return find_by_environment(name + "=" + prefix, true);
}

std::vector<ProcessIdentity> find_session(const ProcessIdentity& leader) {
  // A session's number is not given away while it has members, so either the number is free, or the leader lives, or
  // somebody else has it.
  auto current = identify_process(leader.pid);
  if (current && *current != leader) return {};
  // After a reboot no process is of before it.
  if (!leader.started.ends_with("@" + boot_id())) return {};
  std::vector<ProcessIdentity> found;
  proc::for_each_of_session(leader.pid, [&](pid_t pid) {
    auto fields = stat_fields(pid);
    if (fields.size() <= kStartField || is_over(fields[kStateField])) return;
    if (auto identity = identify_process(pid)) found.push_back(*std::move(identity));
  });
  return found;
}

std::vector<ProcessIdentity> find_left_behind(pid_t leader, const std::string& name, const std::string& value) {
  // Numbers grow until they wrap; after a wrap everybody may be younger than the leader.
  bool wrapped = true;
  if (auto load = read_file("/proc/loadavg", 256)) {
    auto words = split(trim(*load), ' ');
    pid_t last = 0;
    if (!words.empty()) std::from_chars(words.back().data(), words.back().data() + words.back().size(), last);
    wrapped = last < leader;
  }
  const std::string session = std::to_string(leader);
  const std::string wanted = name + "=" + value;
  std::vector<ProcessIdentity> found;
  for_each_process([&](pid_t pid) {
    if ((pid < leader && !wrapped) || pid == leader || pid == ::getpid()) return;
    auto fields = stat_fields(pid);
    if (fields.size() <= kStartField || is_over(fields[kStateField]) || fields[kSizeField] == "0" || !is_ours(pid))
      return;
    if (fields[kSessionField] != session && !environment_has(pid, wanted, false)) return;
    if (auto identity = identify_process(pid)) found.push_back(*std::move(identity));
  });
  return found;
}

bool signal_process(const ProcessIdentity& identity, int signal) {
  // The descriptor pins the process: if it still is the one meant after the descriptor was made, the signal reaches no
  // other.
  auto pinned = system::exit_descriptor(identity.pid);
  if (!pinned || !is_alive(identity)) return false;
  return ::syscall(SYS_pidfd_send_signal, pinned->get(), signal, nullptr, 0) == 0;
}

Result<Fd> watch_exit(pid_t pid) {
  return system::exit_descriptor(pid);
}

std::optional<std::uint64_t> count_memory_kills() {
  std::optional<std::uint64_t> machine = counter_in("/proc/vmstat", "oom_kill");
  if (machine) return machine;  // counts the kills of control groups as well
  auto groups = read_file("/proc/self/cgroup", proc::kFileLimit);
  if (!groups) return std::nullopt;
  for (const auto& line : split(*groups, '\n')) {
    if (line.starts_with("0::"))
      return counter_in(Path("/sys/fs/cgroup" + line.substr(3)) / "memory.events", "oom_kill");
  }
  return std::nullopt;
}

std::uint64_t resident_memory_of_session(pid_t leader) {
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t pages = 0;
  proc::for_each_of_session(leader, [&](pid_t pid) {
    auto fields = stat_fields(pid);
    if (fields.size() <= kResidentField) return;
    pages += proc::number(fields[kResidentField]);
  });
  return pages * page;
}

}  // namespace stoker::runtime

#endif
