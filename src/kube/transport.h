// How a call reaches an API server. The client owns this interface; HttpTransport is the real one, and
// tests/fakes/api_server.h one in memory that passes the same contract tests.
#pragma once

#include <optional>
#include <string>

#include "net/http.h"
#include "net/url.h"
#include "runtime/context.h"

namespace stoker::kube {

struct Call {
  std::string method = "GET";
  std::string path;  // encoded, begins with '/'
  net::Query query;
  std::string body;
  std::string content_type;  // of the body
};

// Answers as they come, good or bad. Thread-safe.
class Transport {
 public:
  virtual ~Transport() = default;
  // As net::HttpClient::send: the body of a good answer goes to the sink when there is one. Credentials that cannot be
  // had are an error (permission, environment).
  virtual Result<net::Response> send(const runtime::Context& context, const Call& call, const net::BodySink& sink) = 0;
};

}  // namespace stoker::kube
