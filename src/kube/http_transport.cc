#include "kube/http_transport.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "net/curl_client.h"

namespace stoker::kube {

namespace {

net::ClientOptions options_of(const ClusterConfiguration& configuration, const Variables& variables,
                              const Proof& proof) {
  net::ClientOptions options;
  options.tls.authorities_pem = configuration.certificate_authority_pem;
  if (configuration.certificate_authority_pem.empty())
    options.tls.authorities_file = net::system_authorities_file(variables).value_or("");
  options.tls.server_name = configuration.tls_server_name;
  options.tls.insecure = configuration.insecure;
  options.tls.certificate_pem = proof.certificate_pem;
  options.tls.key_pem = proof.key_pem;
  options.proxy = configuration.proxy_url;
  net::take_proxy_from_environment(options, variables, configuration.server.substr(0, configuration.server.find(':')));
  options.user_agent = "stoker/" STOKER_VERSION;
  options.connect_timeout = configuration.connect_timeout.value_or(options.connect_timeout);
  return options;
}

// Without a password that may be in it.
std::string shown(const std::string& server) {
  const auto url = net::parse_url(server);
  return url ? fmt::format("{}://{}", url.value().scheme, url.value().authority())
             : std::string("of the configuration");
}

void add_impersonation(net::Headers& headers, const Impersonation& impersonation) {
  if (impersonation.user.empty()) return;
  headers.push_back({"Impersonate-User", impersonation.user});
  if (!impersonation.uid.empty()) headers.push_back({"Impersonate-Uid", impersonation.uid});
  for (const std::string& group : impersonation.groups)
    headers.push_back({"Impersonate-Group", group});
  for (const auto& [key, values] : impersonation.extra)
    for (const std::string& value : values)
      headers.push_back({"Impersonate-Extra-" + net::percent_encode(lower_case(key)), value});
}

}  // namespace

HttpTransport::HttpTransport(ClusterConfiguration configuration, Variables variables, const Clock& clock)
    : configuration_(configuration),
      variables_(variables),
      clock_(clock),
      credentials_(std::move(configuration), std::move(variables), clock) {}

std::shared_ptr<net::HttpClient> HttpTransport::client_for(const Proof& proof) {
  std::scoped_lock lock(mutex_);
  if (client_ && proof.certificate_pem == shown_.certificate_pem && proof.key_pem == shown_.key_pem) return client_;
  client_ = std::make_shared<net::CurlClient>(options_of(configuration_, variables_, proof), clock_);
  shown_ = proof;
  return client_;
}

Result<net::Response> HttpTransport::try_once(const runtime::Context& context, const Call& call,
                                              const net::BodySink& sink) {
  TRY_ASSIGN(const Proof proof, credentials_.proof(context));
  net::Request request{.method = call.method, .url = configuration_.server + call.path, .body = call.body};
  if (!call.query.empty()) request.url += "?" + net::write_query(call.query);
  request.headers.push_back({"Accept", "application/json"});
  if (!call.content_type.empty()) request.headers.push_back({"Content-Type", call.content_type});
  if (!proof.authorization.empty()) request.headers.push_back({"Authorization", proof.authorization});
  add_impersonation(request.headers, configuration_.impersonation);
  return client_for(proof)->send(context, request, sink);
}

Result<void> HttpTransport::log_in(const runtime::Context& context) {
  TRY(credentials_.proof(context));
  return {};
}

Result<net::Response> HttpTransport::send(const runtime::Context& context, const Call& call,
                                          const net::BodySink& sink) {
  constexpr int kUnauthorized = 401;
  auto answer = try_once(context, call, sink);
  if (answer && answer.value().status == kUnauthorized && credentials_.refused())
    answer = try_once(context, call, sink);
  if (answer) return answer;
  Error error = std::move(answer).error();
  if (error.code == ErrorCode::unavailable) {
    error.message = fmt::format("the API server {} does not answer: {}", shown(configuration_.server), error.message);
    if (error.hint.empty())
      error.hint = "is the address right, and does the cluster run? kubectl cluster-info asks the same";
  }
  return error;
}

}  // namespace stoker::kube
