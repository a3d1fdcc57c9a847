// PythonService: interpreters and fork servers of one local runner, on its loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/runner.h"
#include "local/host.h"
#include "local/options.h"
#include "local/steps/python.h"

namespace stoker::local {

// How a Python attempt is to be started.
struct PythonStart {
  std::shared_ptr<PythonHost> host;  // none: a fresh interpreter
  std::string reason;                // why fresh, to be said once; empty when it was said, or is by request
};

class PythonService {
 public:
  using Ready = std::function<void(Result<PythonStart>)>;

  // At most this many fork servers are kept for runs that may be over.
  static constexpr std::size_t kKeptHosts = 4;

  // Options and loop outlive the service. `compiled`: see LocalRunnerOptions::host.
  PythonService(const LocalRunnerOptions& options, runtime::EventLoop& loop, std::shared_ptr<PythonHost> compiled)
      : options_(options), loop_(loop), compiled_(std::move(compiled)) {}

  // Blocks for the time of a Python start when nothing is cached.
  Result<PythonFacts> facts(const engine::RunContext& run);
  // The PYTHONPATH entry that the interpreter of `run` needs; empty when it has the package.
  std::filesystem::path sdk_for(const PythonFacts& facts) const;
  // Has the host with `file` imported (empty: nothing to import), or says that a fresh interpreter is needed.
  void prepare(const engine::RunContext& run, const std::filesystem::path& file, Ready ready);

 private:
  struct File {
    bool loaded = false;
    std::vector<Ready> waiting;
  };
  struct Host {
    std::shared_ptr<PythonHost> process;
    std::map<std::string, File> files;
    bool fork_safe = true;
    std::string reason;
    bool reason_said = false;
  };

  Result<Host*> host_for(const engine::RunContext& run);
  void drop_idle_hosts(const RunId& keep);
  void loaded(Host& host, const std::string& file, Result<PythonHost::Loaded> result);
  PythonStart start_with(Host& host) const;

  const LocalRunnerOptions& options_;
  runtime::EventLoop& loop_;
  std::map<std::string, PythonFacts> facts_;  // by project root
  // By run, for a host has the code that its run was compiled from, and a later run may have other code.
  std::map<RunId, std::unique_ptr<Host>> hosts_;
  std::shared_ptr<PythonHost> compiled_;
};

}  // namespace stoker::local
