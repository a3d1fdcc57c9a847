#include "cli/cluster.h"

#include <memory>
#include <set>

#include "base/guarded.h"
#include "cli/output.h"
#include "cli/random.h"
#include "runtime/wait.h"
#include "submission/cluster_access.h"

namespace stoker::cli {

Cluster::Cluster(const Program& program, kube::ClusterConfiguration configuration)
    : namespace_name_(configuration.namespace_name),
      limits_{.call_timeout = configuration.call_timeout.value_or(kube::Limits().call_timeout)},
      transport_(std::move(configuration), program.environment, program.clock),
      client_(transport_, program.clock, runtime::real_waiting(program.clock, random_bits), limits_) {
  const auto said = std::make_shared<Guarded<std::set<std::string>>>();
  client_.on_warning([said](std::string_view text) {
    if (said->with([&](auto& texts) { return texts.insert(std::string(text)).second; })) warn(text);
  });
}

Result<std::unique_ptr<Cluster>> open_cluster(const Program& program, const ClusterOptions& options) {
  spark::Configuration configuration;
  if (options.context) configuration.set("spark.kubernetes.context", *options.context);
  TRY_ASSIGN(kube::ClusterConfiguration cluster,
             submission::cluster_of(configuration, program.environment, options.kubeconfig));
  auto opened = std::make_unique<Cluster>(program, std::move(cluster));
  TRY(opened->log_in({}));
  return opened;
}

std::string namespace_of(const ClusterOptions& options, const Cluster& cluster) {
  return options.all_namespaces ? "" : options.namespace_name.value_or(cluster.namespace_name());
}

}  // namespace stoker::cli
