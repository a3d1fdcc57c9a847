// Jvm: one Spark JVM, from its start to its end. Every call blocks, with a deadline; one thread drives it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "workers/installation.h"
#include "workers/lease.h"
#include "workers/log_cut.h"
#include "workers/spark_control.h"

namespace stoker::workers {

// What the pool knows of a JVM; the pool's tests have their own.
class Jvm {
 public:
  virtual ~Jvm() = default;

  // Returns when its gateway answers.
  virtual Result<void> start() = 0;
  virtual Result<py4j::GatewayAddress> open_lease(const LeaseSettings& settings, const std::filesystem::path& log) = 0;
  // Also moves the lease's log on.
  virtual Result<std::vector<StageProgress>> progress() = 0;
  struct Closed {
    Released account;
    std::optional<Error> doubt;  // set: this JVM must not be leased again
  };
  // The context is stopped, the gateway closed.
  virtual Closed close_lease() = 0;
  // Puts everything back. An error: this JVM must not be leased again.
  virtual Result<void> restore() = 0;
  // Ends it, politely and then by force, with whatever it started.
  virtual JvmExited end() = 0;
  // Makes a call that is under way fail soon. The only one that may be called from another thread.
  virtual void interrupt() = 0;

  // Valid after start().
  virtual int exit_fd() const = 0;
  virtual pid_t pid() const = 0;
};

// Where the pool keeps what its JVMs need.
struct JvmFolders {
  std::filesystem::path scratch;   // a folder of its own is made in it: log, connection file
  std::filesystem::path archives;  // class-data archives
};

struct JvmOptions {
  bool low_priority = false;
  bool make_archive = false;  // instead of using one
};

// The pieces of a launch that are read from disk: Java, Spark, the user's Spark configuration. Checked before anything
// starts.
struct JvmLaunch {
  JavaInstallation java;
  SparkInstallation spark;
  std::optional<std::filesystem::path>
      archive;  // where the class-data archive is, or would be; none when it cannot be used
  bool archive_exists = false;
  std::uint64_t memory_bytes = 0;
};
Result<JvmLaunch> inspect_launch(const LeaseRequest& request, const JvmFolders& folders);

Result<std::unique_ptr<Jvm>> make_jvm(const LeaseRequest& request, const JvmFolders& folders, const JvmOptions& options,
                                      const Clock& clock);

}  // namespace stoker::workers
