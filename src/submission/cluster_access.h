// Which API server a submission goes to, and as whom: its configuration over the kubeconfig, as Spark has it
// (SparkKubernetesClientFactory, 3.3 to 4.3).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "kube/cluster_configuration.h"
#include "spark/configuration.h"

namespace stoker::submission {

// The master's address counts. Everything else comes from the kubeconfig's context (spark.kubernetes.context, else the
// current one), in a cluster from the service account; the spark.kubernetes.authenticate.submission.* keys win over
// both. Without any of them the address alone is used. Errors: of files and contexts that are named and not there,
// and of what a kubeconfig that is there has wrong, service account or not; usage for keys that exclude each other.
Result<kube::ClusterConfiguration> cluster_of(
    const spark::Configuration& configuration, const Variables& variables,
    const std::optional<std::string>& kubeconfig = std::nullopt,
    const std::string& service_account_folder = std::string(kube::kServiceAccountFolder));

}  // namespace stoker::submission
