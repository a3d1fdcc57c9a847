#include "kube/cluster_configuration.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <set>

#include "base/strings.h"
#include "codec/base64.h"
#include "codec/yaml.h"
#include "kube/kubeconfig_file.h"
#include "runtime/file.h"

namespace stoker::kube {

namespace fs = std::filesystem;

namespace {

// The files that count, the first the strongest.
std::vector<std::string> files_of(const ConfigurationRequest& request, const Variables& variables) {
  if (request.file) return {*request.file};
  const std::string listed = variable(variables, "KUBECONFIG");
  if (listed.empty()) return {variable(variables, "HOME") + "/.kube/config"};
  std::vector<std::string> files;
  std::set<std::string> seen;
  for (const std::string& file : split(listed, ':'))
    if (!file.empty() && seen.insert(file).second) files.push_back(file);
  return files;
}

// Of several files the first that has something of a name counts, whole.
class Kubeconfig {
 public:
  static Result<Kubeconfig> load(const ConfigurationRequest& request, const Variables& variables) {
    Kubeconfig all;
    for (const std::string& path : files_of(request, variables)) {
      std::error_code unknown;
      // Files of a list need not exist, one that is named must.
      if (!request.file && !fs::exists(path, unknown)) continue;
      TRY_ASSIGN(KubeconfigFile file, KubeconfigFile::read(path));
      all.files_.push_back(std::make_shared<const KubeconfigFile>(std::move(file)));
    }
    if (all.files_.empty())
      return Error{.code = ErrorCode::environment,
                   .message = fmt::format("there is no kubeconfig: {}", join(files_of(request, variables), ", ")),
                   .hint = "set KUBECONFIG, or write --kubeconfig FILE"};
    return all;
  }

  Result<std::string> current_context() const {
    for (const auto& file : files_) {
      TRY_ASSIGN(std::string name, file->root().text("current-context"));
      if (!name.empty()) return name;
    }
    TRY_ASSIGN(const auto names, names_of("contexts"));
    return Error{.code = ErrorCode::environment,
                 .message = "no kubeconfig has a current context",
                 .hint = names.empty() ? "kubectl config use-context NAME sets it"
                                       : fmt::format("there are: {}", join(names, ", "))};
  }

  // The entry `name` of a list: `clusters`, whose values stand at `cluster`, and so on.
  Result<KubeconfigNode> entry(const std::string& list, const std::string& what, const std::string& name) const {
    for (const auto& file : files_) {
      TRY_ASSIGN(const auto nodes, file->root().objects(list));
      for (const KubeconfigNode& node : nodes) {
        TRY_ASSIGN(const std::string own, node.text("name"));
        if (own == name) return node.object(what);
      }
    }
    TRY_ASSIGN(const auto names, names_of(list));
    const std::string near = did_you_mean(name, names);
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("no kubeconfig has the {} {}", what, name),
                 .hint = !near.empty() || names.empty() ? near : fmt::format("there are: {}", join(names, ", "))};
  }

 private:
  Result<std::vector<std::string>> names_of(const std::string& list) const {
    std::vector<std::string> names;
    for (const auto& file : files_) {
      TRY_ASSIGN(const auto nodes, file->root().objects(list));
      for (const KubeconfigNode& node : nodes) {
        TRY_ASSIGN(std::string name, node.text("name"));
        names.push_back(std::move(name));
      }
    }
    return names;
  }

  std::vector<std::shared_ptr<const KubeconfigFile>> files_;
};

// What stands in base64 at `<key>-data`, else in the file at `key`.
Result<std::string> content_of(const KubeconfigNode& node, const std::string& key) {
  TRY_ASSIGN(const std::string data, node.text(key + "-data"));
  if (!data.empty()) {
    auto decoded = codec::decode_base64(data);
    if (!decoded) return node.wrong(key + "-data", "is no base64");
    return *std::move(decoded);
  }
  TRY_ASSIGN(const std::string path, node.path(key));
  if (path.empty()) return std::string();
  auto content = runtime::read_file(path, kMaximumCredentialBytes);
  if (!content) return std::move(content).error().with_context(key);
  return content;
}

Result<ExecPlugin> exec_plugin(const KubeconfigNode& node) {
  ExecPlugin plugin;
  TRY_ASSIGN(plugin.api_version, node.text("apiVersion"));
  if (plugin.api_version != "client.authentication.k8s.io/v1" &&
      plugin.api_version != "client.authentication.k8s.io/v1beta1")
    return node.wrong("apiVersion", fmt::format("is \"{}\", which no cluster takes any more", plugin.api_version));
  TRY_ASSIGN(plugin.command, node.command("command"));
  if (plugin.command.empty()) return node.wrong("command", "is missing");
  TRY_ASSIGN(plugin.arguments, node.texts("args"));
  TRY_ASSIGN(plugin.install_hint, node.text("installHint"));
  TRY_ASSIGN(plugin.wants_cluster, node.flag("provideClusterInfo"));
  TRY_ASSIGN(const auto variables, node.objects("env"));
  for (const KubeconfigNode& each : variables) {
    TRY_ASSIGN(const std::string name, each.text("name"));
    TRY_ASSIGN(plugin.environment[name], each.text("value"));
  }
  return plugin;
}

Result<void> read_user(const KubeconfigNode& user, ClusterConfiguration& configuration) {
  Credentials& credentials = configuration.credentials;
  TRY_ASSIGN(credentials.client_certificate_pem, content_of(user, "client-certificate"));
  TRY_ASSIGN(credentials.client_key_pem, content_of(user, "client-key"));
  TRY_ASSIGN(credentials.token, user.text("token"));
  TRY_ASSIGN(credentials.token_file, user.path("tokenFile"));
  TRY_ASSIGN(credentials.user, user.text("username"));
  TRY_ASSIGN(credentials.password, user.text("password"));
  if (user.has("exec")) {
    TRY_ASSIGN(const KubeconfigNode exec, user.object("exec"));
    TRY_ASSIGN(credentials.exec, exec_plugin(exec));
  }
  if (user.has("auth-provider"))
    return user.wrong("auth-provider", "was removed from Kubernetes 1.26; use an exec plugin");
  if (credentials.client_certificate_pem.empty() != credentials.client_key_pem.empty())
    return user.wrong("client-certificate", "and client-key go together");
  Impersonation& as = configuration.impersonation;
  TRY_ASSIGN(as.user, user.text("as"));
  TRY_ASSIGN(as.uid, user.text("as-uid"));
  TRY_ASSIGN(as.groups, user.texts("as-groups"));
  if (user.has("as-user-extra")) {
    TRY_ASSIGN(const KubeconfigNode extra, user.object("as-user-extra"));
    for (const std::string& key : extra.keys()) {
      TRY_ASSIGN(as.extra[key], extra.texts(key));
    }
  }
  return {};
}

Result<void> read_cluster(const KubeconfigNode& cluster, ClusterConfiguration& configuration) {
  TRY_ASSIGN(configuration.server, cluster.text("server"));
  TRY_ASSIGN(configuration.certificate_authority_pem, content_of(cluster, "certificate-authority"));
  TRY_ASSIGN(configuration.insecure, cluster.flag("insecure-skip-tls-verify"));
  TRY_ASSIGN(configuration.tls_server_name, cluster.text("tls-server-name"));
  TRY_ASSIGN(configuration.proxy_url, cluster.text("proxy-url"));
  if (configuration.server.empty()) return cluster.wrong("server", "is missing");
  if (configuration.insecure && !configuration.certificate_authority_pem.empty())
    return cluster.wrong("insecure-skip-tls-verify", "and certificate-authority exclude one another");
  return {};
}

// As client-go completes an address without a scheme: TLS where there is anything that only TLS has.
void complete_server(ClusterConfiguration& configuration) {
  std::string& server = configuration.server;
  const bool tls = configuration.insecure || !configuration.certificate_authority_pem.empty() ||
                   !configuration.credentials.client_certificate_pem.empty();
  if (server.find("://") == std::string::npos) server.insert(0, tls ? "https://" : "http://");
  while (server.ends_with('/'))
    server.pop_back();
}

}  // namespace

Result<ClusterConfiguration> load_kubeconfig(const ConfigurationRequest& request, const Variables& variables) {
  TRY_ASSIGN(const Kubeconfig all, Kubeconfig::load(request, variables));
  std::string name = request.context.value_or("");
  if (!request.context) {
    TRY_ASSIGN(name, all.current_context());
  }
  TRY_ASSIGN(const KubeconfigNode context, all.entry("contexts", "context", name));
  TRY_ASSIGN(const std::string cluster_name, context.text("cluster"));
  TRY_ASSIGN(const std::string user_name, context.text("user"));
  TRY_ASSIGN(const std::string namespace_name, context.text("namespace"));
  ClusterConfiguration configuration;
  if (!namespace_name.empty()) configuration.namespace_name = namespace_name;
  TRY_ASSIGN(const KubeconfigNode cluster, all.entry("clusters", "cluster", cluster_name));
  TRY(read_cluster(cluster, configuration));
  if (!user_name.empty()) {
    TRY_ASSIGN(const KubeconfigNode user, all.entry("users", "user", user_name));
    TRY(read_user(user, configuration));
  }
  complete_server(configuration);
  return configuration;
}

Result<std::optional<ClusterConfiguration>> load_in_cluster(const Variables& variables, const std::string& folder) {
  const std::string host = variable(variables, "KUBERNETES_SERVICE_HOST");
  const std::string port = variable(variables, "KUBERNETES_SERVICE_PORT");
  std::error_code unknown;
  if (host.empty() || port.empty() || !fs::exists(folder + "/token", unknown))
    return std::optional<ClusterConfiguration>();
  ClusterConfiguration configuration;
  configuration.server = host.find(':') == std::string::npos ? fmt::format("https://{}:{}", host, port)
                                                             : fmt::format("https://[{}]:{}", host, port);
  configuration.credentials.token_file = folder + "/token";
  auto authority = runtime::read_file(folder + "/ca.crt", kMaximumCredentialBytes);
  if (!authority) return std::move(authority).error().with_context("the service account");
  configuration.certificate_authority_pem = *std::move(authority);
  if (auto namespace_name = runtime::read_file(folder + "/namespace", kMaximumCredentialBytes))
    configuration.namespace_name = std::string(trim(*namespace_name));
  return std::optional(std::move(configuration));
}

}  // namespace stoker::kube
