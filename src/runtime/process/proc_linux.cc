#ifdef __linux__

#include "runtime/process/proc_linux.h"

#include <dirent.h>
#include <unistd.h>

#include <charconv>

#include "base/strings.h"

namespace stoker::runtime::proc {

Path file(pid_t pid, const char* name) {
  return Path("/proc") / std::to_string(pid) / name;
}

std::vector<std::string> stat_fields(pid_t pid) {
  auto text = read_file(file(pid, "stat"), kFileLimit);
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

void for_each_process(const std::function<void(pid_t)>& visit) {
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return;
  while (dirent* entry = ::readdir(folder)) {  // NOLINT(concurrency-mt-unsafe): nobody else has this stream
    std::string_view name = entry->d_name;
    pid_t pid = 0;
    auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc() && end == name.data() + name.size()) visit(pid);
  }
  ::closedir(folder);
}

void for_each_of_session(pid_t leader, const std::function<void(pid_t)>& visit) {
  for_each_process([&](pid_t pid) {
    if (::getsid(pid) == leader) visit(pid);
  });
}

}  // namespace stoker::runtime::proc

#endif
