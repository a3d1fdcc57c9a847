// What /proc says of processes, for the Linux bodies of this folder.
#pragma once

#ifdef __linux__

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/file.h"

namespace stoker::runtime::proc {

// No file that is read here is longer, but for the environment of a process with a great one.
inline constexpr std::size_t kFileLimit = 4 * 1024 * 1024;

Path file(pid_t pid, const char* name);

// The fields of /proc/PID/stat from the third on; the name before them may hold spaces and parentheses. Empty: the
// process is gone.
std::vector<std::string> stat_fields(pid_t pid);
inline constexpr std::size_t kStateField = 0;
inline constexpr std::size_t kSessionField = 3;
inline constexpr std::size_t kUserField = 11;
inline constexpr std::size_t kWaitedSystemField = 14;
inline constexpr std::size_t kStartField = 19;
inline constexpr std::size_t kSizeField = 20;
inline constexpr std::size_t kResidentField = 21;

// 0 when it does not begin with a number.
std::uint64_t number(std::string_view text);

void for_each_process(const std::function<void(pid_t)>& visit);

// Those of the session that `leader` leads or led, itself included. One system call for each process of the machine,
// no file: it is asked several times a second while a Spark step runs.
void for_each_of_session(pid_t leader, const std::function<void(pid_t)>& visit);

}  // namespace stoker::runtime::proc

#endif
