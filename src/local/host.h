// PythonHost: the process `<python> -m stoker._host`, which compiles pipelines and forks plain steps.
//
// Two uses, one after the other: blocking (compile) before a run, then on an event loop (load, run) while it lives. It
// ends when its socket does, its children with it.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "codec/json.h"
#include "runtime/channel.h"
#include "runtime/event_loop.h"
#include "runtime/process/process.h"

namespace stoker::local {

struct HostSpec {
  std::filesystem::path python;
  runtime::Environment environment;
  std::filesystem::path working_directory;
  // Put behind PYTHONPATH, for an interpreter that lacks the package; empty: not needed.
  std::filesystem::path sdk;
  // Where what the user's module prints while it is imported goes; empty: our standard error.
  std::filesystem::path log;
};

// `environment` with the SDK's folder behind what PYTHONPATH has.
runtime::Environment with_sdk(runtime::Environment environment, const std::filesystem::path& sdk);

class PythonHost {
 public:
  static constexpr std::size_t kMessageLimit = 64 * 1024 * 1024;

  struct Loaded {
    bool fork_safe = false;
    std::string reason;  // why not
  };
  struct Run {
    std::filesystem::path invocation;
    runtime::Environment environment;  // beyond the host's own
    std::filesystem::path working_directory;
    int protocol = -1, output = -1, error = -1;  // stay the caller's
  };
  using OnLoaded = std::function<void(Result<Loaded>)>;
  using OnStarted = std::function<void(Result<pid_t>)>;
  // `cause` is empty unless the host itself ended under the child.
  using OnExited = std::function<void(runtime::ExitStatus, std::string cause)>;

  static Result<std::unique_ptr<PythonHost>> start(const HostSpec& spec, const Clock& clock);
  ~PythonHost();
  PythonHost(const PythonHost&) = delete;
  PythonHost& operator=(const PythonHost&) = delete;

  const HostSpec& spec() const { return spec_; }
  bool alive() const { return alive_; }

  // Blocking, before attach(). The reply as the host sends it: {"op":"compiled",…}, or {"op":"failed","error":{…}} when
  // it is the user's fault. An Error means that the host itself failed.
  Result<json::object> compile(const std::filesystem::path& file, const std::string& pipeline,
                               const std::vector<std::string>& arguments, const runtime::Context& context);

  // From now on it belongs to the loop's thread.
  void attach(runtime::EventLoop& loop);
  // Imports a file of the user's; an error of code user_code has the traceback in `hint`.
  void load(const std::filesystem::path& file, const std::filesystem::path& root, std::optional<WallTime> compiled_at,
            OnLoaded done);
  // Forks a child for one attempt. on_exited comes once, and only after on_started with a pid.
  void run(const Run& request, OnStarted on_started, OnExited on_exited);
  std::size_t children() const { return children_.size(); }

 private:
  struct Child {
    OnStarted on_started;
    OnExited on_exited;
    pid_t pid = -1;
  };
  PythonHost(HostSpec spec, runtime::Process process, runtime::Channel channel, const Clock& clock)
      : spec_(std::move(spec)), process_(std::move(process)), channel_(std::move(channel)), clock_(clock) {}

  void on_readable();
  void handle(const json::value& message);
  void end(std::string reason);
  Result<void> send(const json::object& message, std::span<const int> descriptors = {});

  HostSpec spec_;
  runtime::Process process_;
  runtime::Channel channel_;
  const Clock& clock_;
  runtime::EventLoop* loop_ = nullptr;
  bool alive_ = true;
  std::int64_t last_id_ = 0;
  std::deque<OnLoaded> loading_;  // answered in order
  std::map<std::int64_t, Child> children_;
};

}  // namespace stoker::local
