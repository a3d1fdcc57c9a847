// Transport to the API server of a ClusterConfiguration. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "kube/cluster_configuration.h"
#include "kube/credentials.h"
#include "kube/transport.h"

namespace stoker::kube {

class HttpTransport final : public Transport {
 public:
  // `variables`: of this process, for proxies and credential plugins. `clock` outlives the transport.
  HttpTransport(ClusterConfiguration configuration, Variables variables, const Clock& clock);

  // Gets the credentials, if a plugin has to be asked for them: a person may be slower than a call may last.
  Result<void> log_in(const runtime::Context& context);
  // A 401 is answered once with newer credentials, where such may be had.
  Result<net::Response> send(const runtime::Context& context, const Call& call, const net::BodySink& sink) override;

 private:
  std::shared_ptr<net::HttpClient> client_for(const Proof& proof);
  Result<net::Response> try_once(const runtime::Context& context, const Call& call, const net::BodySink& sink);

  const ClusterConfiguration configuration_;
  const Variables variables_;
  const Clock& clock_;
  CredentialSource credentials_;
  std::mutex mutex_;
  std::shared_ptr<net::HttpClient> client_;  // guarded by mutex_; made for `shown_`'s certificate
  Proof shown_;                              // guarded by mutex_
};

}  // namespace stoker::kube
