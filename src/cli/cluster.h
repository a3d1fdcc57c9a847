// A connection to an API server for the verbs that need one.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/command.h"
#include "cli/program.h"
#include "kube/client.h"
#include "kube/cluster_configuration.h"
#include "kube/http_transport.h"

namespace stoker::cli {

class Cluster {
 public:
  // Warnings of the server go to standard error, each once. `program` outlives the cluster.
  Cluster(const Program& program, kube::ClusterConfiguration configuration);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  const kube::Client& client() const { return client_; }
  // Before the first call, so that a person who logs in has time.
  Result<void> log_in(const runtime::Context& context) { return transport_.log_in(context); }
  // Of the kubeconfig's context.
  const std::string& namespace_name() const { return namespace_name_; }

 private:
  std::string namespace_name_;
  kube::Limits limits_;
  kube::HttpTransport transport_;
  kube::Client client_;
};

// By the kubeconfig, in a cluster by the service account.
Result<std::unique_ptr<Cluster>> open_cluster(const Program& program, const ClusterOptions& options);
// The namespace that is meant; "" is all.
std::string namespace_of(const ClusterOptions& options, const Cluster& cluster);

}  // namespace stoker::cli
