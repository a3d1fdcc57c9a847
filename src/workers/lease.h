// Lease: what a step asks of the pool and what it gets, and the messages that carry it over the pool's socket.
//
// A JVM is leased only to a request that could not tell it from a JVM of its own: the same project, Java, Spark,
// settings that are fixed when a JVM starts, and environment as far as a JVM can see it, credentials included.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "codec/json.h"
#include "runtime/process/process.h"
#include "workers/py4j_client.h"

namespace stoker::workers {

inline constexpr int kPoolProtocolVersion = 1;
inline constexpr std::size_t kMaximumPoolMessage = 4 * 1024 * 1024;

// Fixed when the JVM starts; all else of a session's configuration is honoured by its fresh context.
struct JvmSettings {
  std::string driver_memory;  // as Spark writes it: 2g; "" is Spark's default of 1g
  std::string java_options;   // spark.driver.extraJavaOptions
  std::string class_path;     // spark.driver.extraClassPath
  std::vector<std::string> packages;
  std::vector<std::string> repositories;
  std::vector<std::string> exclude_packages;
  std::vector<std::string> jars;
  // For long computations: the full JIT compiler and the collector that Java chooses. The light profile starts in half
  // the CPU time.
  bool heavy = false;

  friend bool operator==(const JvmSettings&, const JvmSettings&) = default;
};

struct LeaseRequest {
  std::filesystem::path project;     // project root
  std::filesystem::path java;        // the executable
  std::filesystem::path spark_home;  // with jars/
  std::filesystem::path python;      // runs the Python workers
  JvmSettings settings;
  runtime::Environment environment;  // of the step; jvm_environment() says what a JVM sees of it
  std::filesystem::path working_directory;
  std::map<std::string, std::string> defaults;  // spark.* values that hold unless the step's code sets others
  std::string app_name;
  std::filesystem::path log;  // where this lease's part of the JVM's log goes; "" for nowhere
  bool progress = false;      // report the progress of stages
  bool single_use = false;    // a JVM of its own, ended afterwards
};

// The part of an environment that a JVM and its Python workers can act on. Left out: what differs between two terminals
// of one user (PWD, TERM, SSH_*, …), what is given anew to each lease (PYTHONPATH), and our own variables.
runtime::Environment jvm_environment(const runtime::Environment& environment);

// For the job that makes a class archive. It outlives the step whose JVM asked for it: nothing may count it among the
// step's processes, and it needs none of the step's secrets.
runtime::Environment training_environment(const LeaseRequest& request);

// Equal for two requests exactly when one may use the other's JVM. A digest: it tells nothing of the credentials in it.
std::string lease_fingerprint(const LeaseRequest& request);

// spark.* values of a session that only act when the JVM starts, taken out of `conf` into settings.
JvmSettings take_jvm_settings(std::map<std::string, std::string>& conf);

// A pipeline step's `session` settings (api/pipeline.schema.json) as what the request asks of the JVM and of its
// context.
Result<void> apply_session(const json::object& session, LeaseRequest& request);

// 2g, 512m, 1024 (MiB), as Spark reads spark.driver.memory; in bytes. None when it is no size.
std::optional<std::uint64_t> parse_memory(std::string_view text);

struct StageProgress {
  std::int64_t id = 0;
  std::string name;
  std::int64_t done = 0, failed = 0, active = 0, total = 0;
  friend bool operator==(const StageProgress&, const StageProgress&) = default;
};

struct Leased {
  py4j::GatewayAddress gateway;
  std::int64_t jvm_pid = 0;
  bool warm = false;     // the JVM had started before
  std::string lease_id;  // STOKER_LEASE
};
struct Progress {
  std::vector<StageProgress> stages;
};
// The JVM ended under the lease: no more messages follow.
struct JvmExited {
  std::string status;  // "exit code 52", "signal 9 (Killed)"
  std::string reason;
  bool out_of_memory = false;
};
struct Released {
  std::chrono::milliseconds cpu{0};  // of the JVM and its Python workers during the lease
  std::uint64_t peak_rss_bytes = 0;
  std::optional<std::int64_t> jobs, stages;  // none when the step had stopped its context itself
  bool out_of_memory = false;                // the JVM reported one and lived on
};
// No JVM could be had; no more messages follow.
struct Refused {
  Error error;
};
using LeaseEvent = std::variant<Leased, Progress, JvmExited, Released, Refused>;

json::value to_json(const LeaseRequest& request);
Result<LeaseRequest> lease_request_from_json(const json::value& message);
json::value to_json(const LeaseEvent& event);
Result<LeaseEvent> lease_event_from_json(const json::value& message);

// One line of `stoker workers list`.
struct WorkerInfo {
  std::int64_t pid = 0;
  std::string state;  // starting idle leased cleaning ending
  std::filesystem::path project;
  std::string spark_version;
  std::string java_version;
  std::string profile;  // light heavy
  std::string driver_memory;
  int leases = 0;
  std::chrono::milliseconds age{0};
  std::chrono::milliseconds idle{0};
  std::chrono::milliseconds cpu{0};
  std::uint64_t rss_bytes = 0;
  std::string app_name;  // of the current lease
};
json::value to_json(const WorkerInfo& worker);
Result<WorkerInfo> worker_info_from_json(const json::value& value);

}  // namespace stoker::workers
