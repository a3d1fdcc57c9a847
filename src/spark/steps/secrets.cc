// DriverKubernetesCredentialsFeatureStep, MountSecretsFeatureStep and EnvSecretsFeatureStep.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "codec/base64.h"
#include "spark/steps/driver_context.h"

namespace stoker::spark {

namespace {

constexpr std::size_t kMaximumCredentialBytes = 1 << 20;
constexpr std::string_view kCredentials = "spark.kubernetes.authenticate.driver.";
constexpr std::string_view kMounted = "spark.kubernetes.authenticate.driver.mounted.";
constexpr std::string_view kCredentialsFolder = "/mnt/secrets/spark-kubernetes-credentials";
constexpr std::string_view kCredentialsVolume = "kubernetes-credentials";

struct CredentialRow {
  std::string_view key;          // behind kCredentials
  std::string_view mounted_key;  // behind kMounted
  std::string_view data_key;     // in the Secret
  bool is_file;
};

constexpr std::array kRows = {
    CredentialRow{"oauthToken", "oauthTokenFile", "oauth-token", false},
    CredentialRow{"caCertFile", "caCertFile", "ca-cert", true},
    CredentialRow{"clientKeyFile", "clientKeyFile", "client-key", true},
    CredentialRow{"clientCertFile", "clientCertFile", "client-cert", true},
};

Result<std::optional<std::string>> credential(const DriverContext& context, const std::string& key, bool is_file) {
  if (!is_file) return context.configuration.text(key);
  TRY_ASSIGN(auto file, configured_file(context, key, kMaximumCredentialBytes));
  return file ? std::optional(std::move(file->content)) : std::nullopt;
}

// The given credentials in base64, by their keys in the Secret.
Result<resources::Texts> given_credentials(const DriverContext& context, DriverParts& parts) {
  resources::Texts data;
  for (const CredentialRow& row : kRows) {
    const std::string key = fmt::format("{}{}", kCredentials, row.key);
    TRY_ASSIGN(const auto content, credential(context, key, row.is_file));
    if (!content) continue;
    data[std::string(row.data_key)] = codec::encode_base64(*content);
    const std::string mounted = fmt::format("{}{}", kMounted, row.mounted_key);
    if (!context.request.configuration.has(mounted))
      parts.properties.set(mounted, fmt::format("{}/{}", kCredentialsFolder, row.data_key));
  }
  return data;
}

}  // namespace

Result<void> credentials_step(const DriverContext& context, DriverParts& parts) {
  for (const auto& [key, value] : context.request.configuration.entries())
    if (key.ends_with("oauthToken")) parts.properties.set(key, "<present_but_redacted>");
  TRY_ASSIGN(const resources::Texts data, given_credentials(context, parts));
  if (data.empty()) {
    TRY_ASSIGN(const auto account, context.configuration.text(fmt::format("{}serviceAccountName", kCredentials)));
    if (account) {
      parts.spec()["serviceAccount"] = *account;
      parts.spec()["serviceAccountName"] = *account;
    }
    return {};
  }
  const std::string name = fmt::format("{}-kubernetes-credentials", context.name_prefix);
  parts.dependants.push_back(resources::make_immutable("Secret", name, data));
  parts.volumes().push_back(resources::secret_volume(kCredentialsVolume, name));
  parts.mounts().push_back(resources::volume_mount(kCredentialsVolume, kCredentialsFolder));
  return {};
}

Result<void> secret_mounts_step(const DriverContext& context, DriverParts& parts) {
  for (const auto& [secret, path] : context.request.configuration.with_prefix("spark.kubernetes.driver.secrets.")) {
    const std::string volume = fmt::format("{}-volume", secret);
    parts.volumes().push_back(resources::secret_volume(volume, secret));
    parts.mounts().push_back(resources::volume_mount(volume, path));
  }
  return {};
}

Result<void> secret_environment_step(const DriverContext& context, DriverParts& parts) {
  constexpr std::string_view kPrefix = "spark.kubernetes.driver.secretKeyRef.";
  for (const auto& [variable, reference] : context.request.configuration.with_prefix(kPrefix)) {
    const std::vector<std::string> names = split(reference, ':');
    if (names.size() != 2)
      return Error{.code = ErrorCode::invalid_value,
                   .message = fmt::format("{}{} is \"{}\"", kPrefix, variable, reference),
                   .hint = "write secret:key"};
    parts.environment().push_back(
        json::object{{"name", variable}, {"valueFrom", {{"secretKeyRef", {{"key", names[1]}, {"name", names[0]}}}}}});
  }
  return {};
}

}  // namespace stoker::spark
