// The pool's daemon: one per user, started on demand, gone when it has nothing left to hold.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "runtime/process/process.h"
#include "runtime/stop.h"
#include "workers/jvm.h"
#include "workers/pool.h"

namespace stoker::workers {

struct PoolPaths {
  std::filesystem::path socket;  // in a folder of mode 0700 that is this user's
  std::filesystem::path lock;    // held by the daemon as long as it lives
  std::filesystem::path log;     // what the daemon has to say
  JvmFolders jvms;

  // $XDG_RUNTIME_DIR/stoker or /tmp/stoker-<uid>, and $XDG_CACHE_HOME/stoker. Makes the folders. A runtime folder that
  // another user owns or can enter is an error of code `permission`.
  static Result<PoolPaths> prepare(const runtime::Environment& environment);
};

struct PoolDaemonOptions {
  PoolPaths paths;
  PoolSettings settings;
  bool make_archives = true;
  std::function<void()> on_ready;  // connections are accepted from now on
};

// --foreground, --idle DURATION, --max-jvms N, --memory SIZE, --leases N, --linger DURATION, --no-archive: for `stoker
// workers serve`.
struct ServeArguments {
  PoolDaemonOptions options;
  bool foreground = false;
};
Result<ServeArguments> parse_serve_arguments(const std::vector<std::string>& arguments, PoolPaths paths);

// As many JVMs as processors (at least 2), in at most 60 % of the machine's memory.
PoolLimits default_pool_limits();

// Serves until it is idle and empty, or stopped. An error of code already_exists when another one serves.
Result<void> run_pool_daemon(const PoolDaemonOptions& options, const runtime::StopToken& stop, const Clock& clock);

// The same in the background: returns when the daemon can be connected to. Forks, so no other thread may run. The
// daemon has no terminal, no working directory of the caller, and none of its descriptors.
Result<void> start_pool_daemon(const PoolDaemonOptions& options, const Clock& clock);

}  // namespace stoker::workers
