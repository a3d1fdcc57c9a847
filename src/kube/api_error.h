// What an API server says when it refuses: its Status as an error for people.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace stoker::kube {

// Fields of a Status (meta/v1) that are used. An answer that is no Status (HTML of a proxy, nothing) has the code and
// the beginning of its text.
struct Status {
  int code = 0;
  std::string reason;  // "AlreadyExists"
  std::string message;
  int retry_after_seconds = 0;  // 0 is not said
};
Status status_of(const net::Response& response);

// The error of "VERB OBJECT", as in "create pod ml/pi-driver". Its code: not_found, already_exists, conflict,
// permission (401, 403), limit_exceeded (a quota), invalid_value (400, 413, 422), expired (410), unavailable
// (429, 5xx). Retryable is a 429 alone: after a 5xx the server may have acted.
Error error_of(const Status& status, std::string_view verb, std::string_view object);

// Who waits for a server anyway may try again after it: the server, what is before it, or what vouches for us (a
// credential plugin) is away. Not: a refusal.
bool is_passing(const Error& error);

}  // namespace stoker::kube
