// Process: a child process from its start to its accounts.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/variables.h"
#include "runtime/context.h"
#include "runtime/fd.h"
#include "runtime/file.h"

namespace stoker::runtime {

using Environment = Variables;

Environment current_environment();

// Where one of the child's standard streams goes.
struct Stream {
  enum class Kind { null, inherit, descriptor };
  Kind kind = Kind::null;
  int descriptor = -1;

  static Stream null() { return {}; }
  static Stream inherit() { return {Kind::inherit, -1}; }
  // Stays the caller's; must live until start() returns.
  static Stream to(int fd) { return {Kind::descriptor, fd}; }
};

struct ProcessSpec {
  // argv[0] is looked up in the child's PATH (relative to its working directory) unless it has a slash.
  std::vector<std::string> argv;
  std::optional<Environment> environment;  // none: ours
  Path working_directory;                  // empty: ours
  Stream input;
  Stream output = Stream::inherit();
  Stream error = Stream::inherit();
  // Descriptors that the child gets under the same numbers (3 and up); everything else is closed in it.
  std::vector<int> inherited;
  // Leader of a session of its own: no terminal signal reaches it, and kill_group() ends all that it started and that
  // stayed in its group.
  bool new_session = true;
  // Killed when the thread that started it ends. Linux only; elsewhere the owner must see to it.
  bool die_with_parent = false;
};

struct ExitStatus {
  int code = 0;    // when signal is 0
  int signal = 0;  // that ended it
  std::chrono::microseconds user{0};
  std::chrono::microseconds system{0};
  std::uint64_t peak_rss_bytes = 0;

  bool success() const { return code == 0 && signal == 0; }
  // "exit code 3" or "signal 9 (Killed)".
  std::string describe() const;
};
ExitStatus decode_wait_status(int status);

// A started child. The object must be waited for; an object that is destroyed before kills the group and reaps the
// child.
class Process {
 public:
  // Errors say which step failed and name the program: not_found, permission, io.
  static Result<Process> start(const ProcessSpec& spec);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  // Readable when the child has ended, for an event loop.
  int exit_fd() const { return exit_fd_.get(); }
  // Reaps it. None while it runs. Resource use counts the descendants that it waited for.
  Result<std::optional<ExitStatus>> try_wait();
  Result<ExitStatus> wait(const Context& context, const Clock& clock);
  // To every process of the child's group, also after the child itself has been reaped. No error when nobody is left.
  void kill_group(int signal) const;

 private:
  Process(pid_t pid, Fd exit_fd, bool leader) : pid_(pid), exit_fd_(std::move(exit_fd)), leader_(leader) {}
  pid_t pid_ = -1;
  Fd exit_fd_;
  bool leader_ = false;
  std::optional<ExitStatus> status_;
};

// The file that argv[0] means: itself when it has a slash, else the first executable of that name in `search_path`.
std::optional<Path> find_executable(const std::string& name, const std::string& search_path,
                                    const Path& working_directory = {});

struct Output {
  ExitStatus status;
  std::string out;
  std::string err;
};
struct OutputOptions {
  std::size_t limit_bytes = 1024 * 1024;  // of each stream
  // Else standard error stays what the spec says: a person reads it while the program runs.
  bool collect_error = true;
};
// Runs a short program and collects what it prints; killed at the context's end.
Result<Output> run_program(ProcessSpec spec, const Context& context, const Clock& clock, OutputOptions options = {});

}  // namespace stoker::runtime
