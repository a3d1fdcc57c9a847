// HttpClient over libcurl. Thread-safe; each call in flight has a connection of its own, and connections are kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/variables.h"
#include "net/http.h"
#include "net/tls.h"

namespace stoker::net {

struct ClientOptions {
  TlsOptions tls;
  std::string proxy;     // http://, https:// or socks5:// ; "" is none
  std::string no_proxy;  // hosts, domains and networks that are reached directly, as in NO_PROXY
  std::string user_agent;
  std::chrono::milliseconds connect_timeout{10'000};
  // A server that for so long neither takes nor gives a byte is given up (unavailable); 0: as long as the context
  // lasts.
  std::chrono::seconds longest_silence{0};
  std::size_t maximum_body_bytes = 256 << 20;  // of an answer without a sink
  std::size_t maximum_idle_connections = 32;
};

// The proxy that the environment names for this kind of address (HTTPS_PROXY, https_proxy, http_proxy) and its
// exceptions (NO_PROXY, no_proxy), into `options`; a proxy that is there already stays.
void take_proxy_from_environment(ClientOptions& options, const Variables& variables, std::string_view scheme);

class CurlClient final : public HttpClient {
 public:
  // `clock` outlives the client; deadlines are of its steady time.
  CurlClient(ClientOptions options, const Clock& clock);
  ~CurlClient() override;

  using HttpClient::send;
  Result<Response> send(const runtime::Context& context, const Request& request, const BodySink& sink) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stoker::net
