#include "submission/cluster_access.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "runtime/file.h"

namespace stoker::submission {

namespace {

constexpr std::string_view kPrefix = "spark.kubernetes.authenticate.submission.";
constexpr std::string_view kMasterPrefix = "k8s://";

std::optional<std::string> key(const spark::Configuration& configuration, std::string_view name) {
  return configuration.raw(fmt::format("{}{}", kPrefix, name));
}

Result<void> take_file(const spark::Configuration& configuration, std::string_view name, std::string& into) {
  const auto path = key(configuration, name);
  if (!path) return {};
  auto content = runtime::read_file(*path, kube::kMaximumCredentialBytes);
  if (!content) return std::move(content).error().with_context(fmt::format("{}{}", kPrefix, name));
  into = std::move(content).value();
  return {};
}

Result<void> take_keys(const spark::Configuration& configuration, kube::ClusterConfiguration& cluster) {
  TRY(take_file(configuration, "caCertFile", cluster.certificate_authority_pem));
  TRY(take_file(configuration, "clientKeyFile", cluster.credentials.client_key_pem));
  TRY(take_file(configuration, "clientCertFile", cluster.credentials.client_certificate_pem));
  const auto token = key(configuration, "oauthToken");
  const auto token_file = key(configuration, "oauthTokenFile");
  if (token && token_file)
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("both {0}oauthToken and {0}oauthTokenFile are set", kPrefix),
                 .hint = "leave one out"};
  if (token || token_file) {
    cluster.credentials.token = std::string(trim(token.value_or("")));
    cluster.credentials.token_file = token_file.value_or("");
  }
  if (configuration.raw("spark.kubernetes.trust.certificates") == "true") cluster.insecure = true;
  return {};
}

}  // namespace

Result<kube::ClusterConfiguration> cluster_of(const spark::Configuration& configuration,
                                              const kube::Variables& variables,
                                              const std::optional<std::string>& kubeconfig) {
  const kube::ConfigurationRequest request{.context = configuration.raw("spark.kubernetes.context"),
                                           .file = kubeconfig};
  std::string master = configuration.raw("spark.master").value_or("");
  if (master.starts_with(kMasterPrefix)) master.erase(0, kMasterPrefix.size());
  kube::ClusterConfiguration cluster;
  TRY_ASSIGN(const auto in_cluster, kube::load_in_cluster(variables));
  auto from_file = kube::load_kubeconfig(request, variables);
  if (from_file) {
    cluster = std::move(from_file).value();
  } else if (in_cluster && !kubeconfig) {
    cluster = *in_cluster;
  } else if (from_file.error().code != ErrorCode::not_found || request.context || kubeconfig || master.empty()) {
    return std::move(from_file).error();
  }
  if (!master.empty()) cluster.server = master;
  while (cluster.server.ends_with('/'))
    cluster.server.pop_back();
  TRY(take_keys(configuration, cluster));
  return cluster;
}

}  // namespace stoker::submission
