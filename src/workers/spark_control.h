// SparkControl: what we do inside a Spark JVM, over the connection that no user code ever sees: open a gateway for a
// lease, watch its stages, and put everything back when the lease ends.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "workers/lease.h"
#include "workers/py4j_client.h"

namespace stoker::workers {

// In the environment of the lease's Python workers.
inline constexpr const char* kLeaseVariable = "STOKER_LEASE";

struct LeaseSettings {
  std::string lease_id;
  std::string app_name;
  std::filesystem::path working_directory;
  std::string python_path;                      // PYTHONPATH of the step
  std::map<std::string, std::string> defaults;  // spark.* values
};

struct LeaseCounts {
  std::optional<std::int64_t> jobs, stages;
};

struct HeapUse {
  std::uint64_t used = 0;
  std::uint64_t limit = 0;
};

// Not thread-safe. Every call takes a context with a deadline; an error means that the state of the JVM is in doubt,
// except from stages().
class SparkControl {
 public:
  // Connects, and remembers how the JVM is before its first lease. `working_directory` is the one that it was started
  // in.
  static Result<SparkControl> connect(const py4j::GatewayAddress& address, std::filesystem::path working_directory,
                                      const runtime::Context& context, const Clock& clock);

  Result<py4j::GatewayAddress> open_lease(const LeaseSettings& settings, const runtime::Context& context);
  // Stages that run now; empty without a context.
  Result<std::vector<StageProgress>> stages(const runtime::Context& context);
  // The context is stopped and the gateway closed. Counts are what the context knew.
  Result<LeaseCounts> stop_lease(const runtime::Context& context);
  // Everything else is as it was before the first lease. An error of code `conflict` names what could not be put back.
  Result<void> restore(const runtime::Context& context);
  Result<HeapUse> heap(bool collect_first, const runtime::Context& context);

 private:
  SparkControl(py4j::Client client, std::filesystem::path working_directory)
      : client_(std::move(client)), home_directory_(std::move(working_directory)) {}

  Result<void> remember(const runtime::Context& context);
  Result<std::optional<py4j::Reference>> active_context(py4j::Calls& calls);
  Result<void> enter_directory(py4j::Calls& calls, const std::filesystem::path& directory);
  Result<void> set_properties(py4j::Calls& calls, const LeaseSettings& settings);
  Result<std::map<std::string, std::string>> logger_levels(py4j::Calls& calls);
  Result<void> restore_logging(py4j::Calls& calls);

  py4j::Client client_;
  std::filesystem::path home_directory_;
  // Objects in the JVM that live as long as it does.
  py4j::Reference context_companion_;
  py4j::Reference properties_;
  py4j::Reference root_level_;
  py4j::Reference time_zone_;
  py4j::Reference locale_;
  py4j::Value shell_threshold_;  // Spark's own log filter; null when it has none
  std::map<std::string, std::string> levels_;
  std::optional<py4j::Reference> server_;  // the gateway of the lease
};

}  // namespace stoker::workers
