#include "submission/cluster_access.h"

#include <fmt/format.h>

#include <chrono>

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

// None when it is not set, or 0: no limit of the user's own.
Result<std::optional<std::chrono::milliseconds>> milliseconds(const spark::Configuration& configuration,
                                                              const spark::Environment& environment,
                                                              std::string_view name) {
  const std::string key = fmt::format("spark.kubernetes.submission.{}", name);
  TRY_ASSIGN(const std::int64_t said, spark::ConfigurationReader(configuration, environment).whole_number(key, 0));
  if (said < 0)
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("{} is {}, and must be zero or more", key, said),
                 .hint = "it is in milliseconds"};
  return said == 0 ? std::nullopt : std::optional(std::chrono::milliseconds(said));
}

Result<void> take_keys(const spark::Configuration& configuration, const Variables& variables,
                       kube::ClusterConfiguration& cluster) {
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
  const spark::Environment environment = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  TRY_ASSIGN(
      const bool trusts_all,
      spark::ConfigurationReader(configuration, environment).boolean("spark.kubernetes.trust.certificates", false));
  cluster.insecure = cluster.insecure || trusts_all;
  TRY_ASSIGN(cluster.connect_timeout, milliseconds(configuration, environment, "connectionTimeout"));
  TRY_ASSIGN(cluster.call_timeout, milliseconds(configuration, environment, "requestTimeout"));
  return {};
}

}  // namespace

Result<kube::ClusterConfiguration> cluster_of(const spark::Configuration& configuration, const Variables& variables,
                                              const std::optional<std::string>& kubeconfig,
                                              const std::string& service_account_folder) {
  kube::ConfigurationRequest request{.context = configuration.raw("spark.kubernetes.context"), .file = kubeconfig};
  if (request.context && request.context->empty()) request.context.reset();  // as Spark reads it
  std::string master = configuration.raw("spark.master").value_or("");
  if (master.starts_with(kMasterPrefix)) master.erase(0, kMasterPrefix.size());
  kube::ClusterConfiguration cluster;
  auto from_file = kube::load_kubeconfig(request, variables);
  const bool is_missing = !from_file && from_file.error().code == ErrorCode::environment;
  const bool may_be_missing = !kubeconfig && !request.context;
  std::optional<kube::ClusterConfiguration> in_cluster;
  if (is_missing && may_be_missing) {
    TRY_ASSIGN(in_cluster, kube::load_in_cluster(variables, service_account_folder));
  }
  if (from_file)
    cluster = from_file.value();
  else if (in_cluster)
    cluster = *in_cluster;
  else if (!is_missing || !may_be_missing || master.empty())
    return std::move(from_file).error();
  if (!master.empty()) cluster.server = master;
  while (cluster.server.ends_with('/'))
    cluster.server.pop_back();
  TRY(take_keys(configuration, variables, cluster));
  const kube::Credentials& proof = cluster.credentials;
  const bool has_proof = !proof.token.empty() || !proof.token_file.empty() || !proof.client_certificate_pem.empty();
  if (is_missing && !in_cluster && !has_proof && cluster.server.starts_with("https://"))
    cluster.note = fmt::format("{}; the API server is asked without credentials", from_file.error().describe());
  return cluster;
}

}  // namespace stoker::submission
