#ifdef __linux__

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "base/strings.h"
#include "runtime/file.h"
#include "runtime/process_usage.h"

namespace stoker::runtime {

namespace {

constexpr std::size_t kProcFileLimit = 64 * 1024;

Path proc(pid_t pid, const char* file) {
  return Path("/proc") / std::to_string(pid) / file;
}

// The fields of /proc/PID/stat from the third on; the name before them may hold spaces and parentheses.
constexpr std::size_t kSessionField = 3;
constexpr std::size_t kUserField = 11;
constexpr std::size_t kWaitedSystemField = 14;
constexpr std::size_t kResidentField = 21;

std::vector<std::string> stat_fields(pid_t pid) {
  auto text = read_file(proc(pid, "stat"), kProcFileLimit);
  if (!text) return {};
  auto end_of_name = text->rfind(')');
  if (end_of_name == std::string::npos || end_of_name + 2 > text->size()) return {};
  return split(std::string_view(*text).substr(end_of_name + 2), ' ');
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::uint64_t peak_bytes(pid_t pid) {
  auto text = read_file(proc(pid, "status"), kProcFileLimit);
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
  auto fields = stat_fields(pid);
  if (fields.size() <= kResidentField) return std::nullopt;
  std::uint64_t used = 0;
  for (std::size_t field = kUserField; field <= kWaitedSystemField; ++field)
    used += number(fields[field]);
  ProcessUsage usage;
  usage.cpu = std::chrono::milliseconds(used * 1000 / ticks);
  usage.resident_bytes = number(fields[kResidentField]) * page;
  usage.peak_resident_bytes = std::max(peak_bytes(pid), usage.resident_bytes);
  return usage;
}

bool reset_peak_memory(pid_t pid) {
  Fd file(::open(proc(pid, "clear_refs").c_str(), O_WRONLY | O_CLOEXEC));
  return file.valid() && write_all(file.get(), "5").ok();
}

std::vector<ProcessIdentity> session_members(pid_t leader) {
  std::vector<ProcessIdentity> members;
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return members;
  const std::string session = std::to_string(leader);
  while (dirent* entry = ::readdir(folder)) {
    std::string_view name = entry->d_name;
    pid_t pid = 0;
    auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size() || pid == leader) continue;
    auto fields = stat_fields(pid);
    if (fields.size() <= kSessionField || fields[kSessionField] != session) continue;
    if (auto identity = identify_process(pid)) members.push_back(*std::move(identity));
  }
  ::closedir(folder);
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
