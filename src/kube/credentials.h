// Credentials that are had anew while a program runs: tokens in files that are rotated, and those that a program
// prints. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "kube/cluster_configuration.h"
#include "runtime/context.h"

namespace stoker::kube {

// What is shown to the server at one time.
struct Proof {
  std::string authorization;  // "Bearer …", "Basic …"; "" is none
  std::string certificate_pem;
  std::string key_pem;
  friend bool operator==(const Proof&, const Proof&) = default;
};

class CredentialSource {
 public:
  // `variables`: of this process, which a credential plugin gets too. `clock` outlives the source.
  CredentialSource(ClusterConfiguration configuration, Variables variables, const Clock& clock);

  // Errors: environment when a plugin is missing, fails or prints what is no ExecCredential
  // (client.authentication.k8s.io), and when a token file cannot be read.
  Result<Proof> proof(const runtime::Context& context);
  // The server did not accept the last proof. True when another may be had: the next proof() asks for it.
  bool refused();

 private:
  Result<Proof> run_plugin(const runtime::Context& context);
  Result<Proof> read_token_file() const;

  const ClusterConfiguration configuration_;
  const Variables variables_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<Proof> kept_;        // guarded by mutex_, as what follows
  std::optional<WallTime> expires_;  // none: never
};

// The document that a plugin prints, as a proof and when it expires. Pure. Errors: environment, invalid_document.
struct PluginAnswer {
  Proof proof;
  std::optional<WallTime> expires;
};
Result<PluginAnswer> read_plugin_answer(std::string_view document, const ExecPlugin& plugin);

}  // namespace stoker::kube
