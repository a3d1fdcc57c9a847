// SparkLeaser: where the local runner gets a JVM for one attempt of a Spark step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "codec/json.h"
#include "engine/runner.h"
#include "runtime/process/process.h"

namespace stoker::local {

struct SparkLeaseRequest {
  engine::AttemptId id;
  std::filesystem::path project_root;
  std::filesystem::path working_directory;
  std::filesystem::path log;  // gets this lease's part of the JVM's log
  std::filesystem::path python;
  std::filesystem::path pyspark_home;
  std::string pyspark_version;
  std::filesystem::path java;
  std::string app_name;
  json::object session;  // the step's settings: master, conf, driverMemory, packages, …
  runtime::Environment environment;
};

struct SparkLeaseUse {
  std::int64_t cpu_milliseconds = 0;
  std::int64_t peak_rss_bytes = 0;
};

// How the JVM ended, when it ended while it was leased.
struct SparkJvmEnd {
  std::string reason;
  bool out_of_memory = false;
};

// Exclusive use of one JVM. Releasing it twice is harmless; the destructor releases.
class SparkLease {
 public:
  virtual ~SparkLease() = default;
  // PYSPARK_GATEWAY_PORT, PYSPARK_GATEWAY_SECRET and what else the attempt's environment needs.
  virtual runtime::Environment environment() const = 0;
  // Blocks while the context is stopped and the JVM is cleaned (well under a second). None when the JVM is gone.
  virtual std::optional<SparkLeaseUse> release() = 0;
  virtual std::optional<SparkJvmEnd> jvm_end() const = 0;
};

class SparkLeaser {
 public:
  using Progress = std::function<void(std::vector<engine::StageProgress>)>;
  virtual ~SparkLeaser() = default;
  // Blocks until a JVM is leased, or `stop` is requested. Thread-safe. `progress` may be called from any thread until
  // release() returns.
  virtual Result<std::unique_ptr<SparkLease>> lease(const SparkLeaseRequest& request, const runtime::StopToken& stop,
                                                    Progress progress) = 0;
};

}  // namespace stoker::local
