// HTTP as plain data, and the interface that callers take.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/context.h"

namespace stoker::net {

struct Header {
  std::string name;
  std::string value;
  friend bool operator==(const Header&, const Header&) = default;
};
using Headers = std::vector<Header>;

// The first value of that name, whatever its case; none when there is no such header.
std::optional<std::string_view> find_header(const Headers& headers, std::string_view name);

struct Request {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  // The path of a file that is sent instead of `body`, read as it goes.
  std::optional<std::string> body_file;
};

struct Response {
  int status = 0;
  Headers headers;
  std::string body;

  bool ok() const { return status >= 200 && status < 300; }
};

// Takes the body of a good answer (2xx) piece by piece; that of any other is in Response::body. What it returns as an
// error ends the transfer and is the error of the call.
using BodySink = std::function<Result<void>(std::string_view piece)>;

class HttpClient {
 public:
  virtual ~HttpClient() = default;

  // Any answer is a value, whatever its status. Errors: unavailable (no connection, a broken one, a bad certificate),
  // with `retryable` when nothing of the request can have been acted on; timed_out and cancelled by the context;
  // limit_exceeded for a body that is too long. Messages never carry a header or a body.
  virtual Result<Response> send(const runtime::Context& context, const Request& request, const BodySink& sink) = 0;
  Result<Response> send(const runtime::Context& context, const Request& request) { return send(context, request, {}); }
};

}  // namespace stoker::net
