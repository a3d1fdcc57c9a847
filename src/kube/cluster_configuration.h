// Which API server, as whom, and how it proves itself: what kubectl takes from kubeconfig files (client-go 1.34,
// tools/clientcmd) or a pod from its service account.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/variables.h"

namespace stoker::kube {

inline constexpr std::size_t kMaximumKubeconfigBytes = 16 << 20;
inline constexpr std::size_t kMaximumCredentialBytes = 1 << 20;

// A program that prints credentials (client.authentication.k8s.io/v1 and v1beta1).
struct ExecPlugin {
  std::string api_version;
  std::string command;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;  // beside that of this process
  std::string install_hint;
  bool wants_cluster = false;  // it is told about the cluster
};

// Tried in this order: the first that is there counts.
struct Credentials {
  std::string client_certificate_pem;
  std::string client_key_pem;
  std::string token;
  std::string token_file;  // read anew, since it is rotated
  std::string user;        // basic
  std::string password;
  std::optional<ExecPlugin> exec;
};

struct Impersonation {
  std::string user;
  std::string uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;
};

struct ClusterConfiguration {
  std::string server;  // https://host:port, without a slash at the end
  std::string namespace_name = "default";
  std::string certificate_authority_pem;  // "" is the system's
  std::string tls_server_name;            // "" is the server's
  std::string proxy_url;                  // "" is what the environment says
  bool insecure = false;                  // any certificate will do
  Credentials credentials;
  Impersonation impersonation;
  // Of the user's, instead of what clients have by themselves.
  std::optional<std::chrono::milliseconds> connect_timeout;
  std::optional<std::chrono::milliseconds> call_timeout;
  std::string note;  // for the user: what is odd about it; ""
};

struct ConfigurationRequest {
  std::optional<std::string> context;  // else the current one
  std::optional<std::string> file;     // --kubeconfig; else KUBECONFIG, else ~/.kube/config
};

// From kubeconfig files. Errors: environment when none is there or says anything, so that another source may count;
// invalid_document with file, line and column; not_found for a named file, context, cluster or user, with the nearest
// name.
Result<ClusterConfiguration> load_kubeconfig(const ConfigurationRequest& request, const Variables& variables);

// Where a pod finds its service account; none outside a cluster.
inline constexpr std::string_view kServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
Result<std::optional<ClusterConfiguration>> load_in_cluster(
    const Variables& variables, const std::string& folder = std::string(kServiceAccountFolder));

}  // namespace stoker::kube
