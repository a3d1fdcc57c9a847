#ifdef __linux__

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "runtime/file.h"
#include "runtime/process/proc_linux.h"
#include "runtime/process/process_usage.h"

namespace stoker::runtime {

namespace {

using proc::number;

std::uint64_t peak_bytes(pid_t pid) {
  auto text = read_file(proc::file(pid, "status"), proc::kFileLimit);
  if (!text) return 0;
  auto at = text->find("VmHWM:");
  if (at == std::string::npos) return 0;
  auto digits = text->find_first_of("0123456789", at);
  if (digits == std::string::npos) return 0;
  return number(std::string_view(*text).substr(digits)) * 1024;
}

}  // namespace

std::optional<ProcessUsage> process_usage(pid_t pid) {
  static const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  auto fields = proc::stat_fields(pid);
  if (fields.size() <= proc::kResidentField) return std::nullopt;
  std::uint64_t used = 0;
  for (std::size_t field = proc::kUserField; field <= proc::kWaitedSystemField; ++field)
    used += number(fields[field]);
  ProcessUsage usage;
  usage.cpu = std::chrono::milliseconds(used * 1000 / ticks);
  usage.resident_bytes = number(fields[proc::kResidentField]) * page;
  usage.peak_resident_bytes = std::max(peak_bytes(pid), usage.resident_bytes);
  return usage;
}

bool reset_peak_memory(pid_t pid) {
  Fd file(::open(proc::file(pid, "clear_refs").c_str(), O_WRONLY | O_CLOEXEC));
  return file.valid() && write_all(file.get(), "5").ok();
}

std::vector<ProcessIdentity> session_members(pid_t leader) {
  std::vector<ProcessIdentity> members;
  proc::for_each_of_session(leader, [&](pid_t pid) {
    if (pid == leader) return;
    if (auto identity = identify_process(pid)) members.push_back(*std::move(identity));
  });
  return members;
}

std::optional<std::uint64_t> physical_memory() {
  long pages = ::sysconf(_SC_PHYS_PAGES);
  long size = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || size <= 0) return std::nullopt;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size);
}

}  // namespace stoker::runtime

#endif
