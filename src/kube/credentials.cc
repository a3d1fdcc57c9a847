#include "kube/credentials.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/strings.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/time.h"
#include "resources/object.h"
#include "runtime/file.h"
#include "runtime/process/process.h"

namespace stoker::kube {

namespace {

using resources::object_in;
using resources::text_in;

// client-go reads a token file again after a minute, and takes a plugin's answer for old a little before it is.
constexpr std::chrono::seconds kTokenFileLife{60};
constexpr std::chrono::seconds kRenewBefore{10};
// A plugin may have a person log in.
constexpr std::chrono::milliseconds kPluginTimeout{120'000};

// What a plugin is told (KUBERNETES_EXEC_INFO).
std::string plugin_question(const ClusterConfiguration& configuration, const ExecPlugin& plugin) {
  json::object spec{{"interactive", ::isatty(STDIN_FILENO) == 1}};
  if (plugin.wants_cluster) {
    json::object cluster{{"server", configuration.server}};
    if (configuration.insecure) cluster["insecure-skip-tls-verify"] = true;
    if (!configuration.tls_server_name.empty()) cluster["tls-server-name"] = configuration.tls_server_name;
    if (!configuration.proxy_url.empty()) cluster["proxy-url"] = configuration.proxy_url;
    if (!configuration.certificate_authority_pem.empty())
      cluster["certificate-authority-data"] = codec::encode_base64(configuration.certificate_authority_pem);
    spec["cluster"] = std::move(cluster);
  }
  return codec::write_json(
      json::object{{"kind", "ExecCredential"}, {"apiVersion", plugin.api_version}, {"spec", std::move(spec)}});
}

Error plugin_error(const ExecPlugin& plugin, std::string message) {
  return Error{.code = ErrorCode::environment,
               .message = fmt::format("the credential plugin {} {}", plugin.command, message),
               .hint = plugin.install_hint};
}

}  // namespace

Result<PluginAnswer> read_plugin_answer(std::string_view document, const ExecPlugin& plugin) {
  const auto parsed = codec::parse_json(document);
  const json::object* answer = parsed && parsed.value().is_object() ? &parsed.value().get_object() : nullptr;
  if (answer == nullptr || text_in(*answer, "kind") != "ExecCredential")
    return plugin_error(plugin, "printed what is no ExecCredential");
  if (const std::string version = text_in(*answer, "apiVersion"); version != plugin.api_version)
    return plugin_error(plugin, fmt::format("answered in {}, but the kubeconfig says {}", version, plugin.api_version));
  const json::object& status = object_in(*answer, "status");
  PluginAnswer result;
  if (const std::string token = text_in(status, "token"); !token.empty())
    result.proof.authorization = "Bearer " + token;
  result.proof.certificate_pem = text_in(status, "clientCertificateData");
  result.proof.key_pem = text_in(status, "clientKeyData");
  if (result.proof.certificate_pem.empty() != result.proof.key_pem.empty())
    return plugin_error(plugin, "printed one of certificate and key, which belong together");
  if (result.proof == Proof{}) return plugin_error(plugin, "printed neither a token nor a certificate");
  if (const std::string expires = text_in(status, "expirationTimestamp"); !expires.empty()) {
    const auto time = codec::parse_time(expires);
    if (!time) return plugin_error(plugin, fmt::format("printed expirationTimestamp {}, which is no time", expires));
    result.expires = time.value();
  }
  return result;
}

CredentialSource::CredentialSource(ClusterConfiguration configuration, Variables variables, const Clock& clock)
    : configuration_(std::move(configuration)), variables_(std::move(variables)), clock_(clock) {}

Result<Proof> CredentialSource::read_token_file() const {
  auto token = runtime::read_file(configuration_.credentials.token_file, kMaximumCredentialBytes);
  if (token) return Proof{.authorization = fmt::format("Bearer {}", trim(*token))};
  Error error = std::move(token).error().with_context("the token file");
  error.code = ErrorCode::environment;  // one that is missing says nothing of what is asked for
  return error;
}

Result<Proof> CredentialSource::run_plugin(const runtime::Context& context) {
  const ExecPlugin& plugin = *configuration_.credentials.exec;
  runtime::ProcessSpec spec;
  spec.argv = {plugin.command};
  spec.argv.insert(spec.argv.end(), plugin.arguments.begin(), plugin.arguments.end());
  spec.environment = variables_;
  for (const auto& [name, value] : plugin.environment)
    (*spec.environment)[name] = value;
  (*spec.environment)["KUBERNETES_EXEC_INFO"] = plugin_question(configuration_, plugin);
  spec.input = runtime::Stream::inherit();
  spec.new_session = false;  // it may ask a person on the terminal
  // Where to log in and with which code it says on standard error.
  auto output = runtime::run_program(std::move(spec), context.with_timeout(clock_, kPluginTimeout), clock_,
                                     {.collect_error = false});
  if (!output) {
    Error error = std::move(output).error();
    if (error.code == ErrorCode::cancelled) return error;
    return plugin_error(plugin, fmt::format("could not be run: {}", error.message));
  }
  if (!output.value().status.success())
    return plugin_error(plugin, fmt::format("ended with {}", output.value().status.describe()));
  TRY_ASSIGN(PluginAnswer answer, read_plugin_answer(output.value().out, plugin));
  expires_ = answer.expires;
  return std::move(answer.proof);
}

Result<Proof> CredentialSource::proof(const runtime::Context& context) {
  const Credentials& said = configuration_.credentials;
  std::scoped_lock lock(mutex_);
  const WallTime now = clock_.wall_now();
  if (kept_ && (!expires_ || now + kRenewBefore < *expires_)) return *kept_;
  Proof proof{.certificate_pem = said.client_certificate_pem, .key_pem = said.client_key_pem};
  kept_.reset();
  expires_.reset();
  if (!said.token_file.empty()) {
    TRY_ASSIGN(const Proof token, read_token_file());
    proof.authorization = token.authorization;
    expires_ = now + kTokenFileLife + kRenewBefore;
  } else if (!said.token.empty()) {
    proof.authorization = "Bearer " + said.token;
  } else if (!said.user.empty()) {
    proof.authorization = "Basic " + codec::encode_base64(said.user + ":" + said.password);
  } else if (said.exec) {
    TRY_ASSIGN(Proof plugins, run_plugin(context));
    if (plugins.certificate_pem.empty()) {
      plugins.certificate_pem = proof.certificate_pem;
      plugins.key_pem = proof.key_pem;
    }
    proof = std::move(plugins);
  }
  kept_ = proof;
  return proof;
}

bool CredentialSource::refused() {
  std::scoped_lock lock(mutex_);
  const bool another = configuration_.credentials.exec.has_value() || !configuration_.credentials.token_file.empty();
  if (another) kept_.reset();
  return another;
}

}  // namespace stoker::kube
