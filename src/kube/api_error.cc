#include "kube/api_error.h"

#include <fmt/format.h>

#include <charconv>

#include "base/strings.h"
#include "codec/json.h"
#include "resources/object.h"

namespace stoker::kube {

namespace {

using resources::object_in;
using resources::text_in;

constexpr std::size_t kShownBytes = 200;  // of an answer that is no Status

int seconds_of(std::string_view text) {
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return seconds;
}

// What an answer begins with, on one line and printable.
std::string beginning(std::string_view body) {
  std::string shown;
  for (const char character : body.substr(0, kShownBytes)) {
    const bool blank = static_cast<unsigned char>(character) <= ' ';
    if (blank && (shown.empty() || shown.back() == ' ')) continue;
    shown += blank ? ' ' : character;
  }
  if (!is_utf8(shown)) return "bytes that are no text";
  return body.size() > kShownBytes ? shown + " …" : shown;
}

bool says(const Status& status, std::string_view words) {
  return status.message.find(words) != std::string::npos;
}

ErrorCode code_of(const Status& status) {
  switch (status.code) {
    case 400:
    case 413:
    case 415:
    case 422: return ErrorCode::invalid_value;
    case 401: return ErrorCode::permission;
    case 403:
      return says(status, "exceeded quota") || says(status, "failed quota") ? ErrorCode::limit_exceeded
                                                                            : ErrorCode::permission;
    case 404: return ErrorCode::not_found;
    case 409: return status.reason == "AlreadyExists" ? ErrorCode::already_exists : ErrorCode::conflict;
    case 410: return ErrorCode::expired;
    default: return ErrorCode::unavailable;
  }
}

std::string hint_of(const Status& status) {
  if (status.code == 401)
    return "the API server does not know these credentials: kubectl config view --minify shows which are used; log in "
           "anew";
  if (code_of(status) == ErrorCode::limit_exceeded)
    return "ask for less, free what is not needed, or have the quota raised: kubectl describe quota";
  // So it says of rights (RBAC); other refusals, such as of pod security, name their own reason.
  if (status.code == 403 && says(status, " cannot "))
    return "an administrator may grant it; `stoker rbac` prints the rights that a driver needs";
  return "";
}

}  // namespace

Status status_of(const net::Response& response) {
  Status status{.code = response.status, .reason = {}, .message = {}};
  if (const auto header = net::find_header(response.headers, "Retry-After"))
    status.retry_after_seconds = seconds_of(*header);
  const auto parsed = codec::parse_json(response.body);
  const json::object* object = parsed && parsed.value().is_object() ? &parsed.value().get_object() : nullptr;
  if (object == nullptr || text_in(*object, "kind") != "Status") {
    status.message = response.body.empty() ? fmt::format("HTTP {} without a word", response.status)
                                           : fmt::format("HTTP {}: {}", response.status, beginning(response.body));
    return status;
  }
  status.reason = text_in(*object, "reason");
  status.message = text_in(*object, "message");
  const auto seconds = resources::number_in(object_in(*object, "details"), "retryAfterSeconds");
  status.retry_after_seconds = std::max(status.retry_after_seconds, static_cast<int>(seconds));
  return status;
}

Error error_of(const Status& status, std::string_view verb, std::string_view object) {
  return Error{
      .code = code_of(status),
      .message = status.message.empty() ? fmt::format("HTTP {} {}", status.code, status.reason) : status.message,
      .hint = hint_of(status),
      .context = {fmt::format("{} {}", verb, object)},
      .retryable = status.code == 429};
}

bool is_passing(const Error& error) {
  switch (error.code) {
    case ErrorCode::unavailable:
    case ErrorCode::timed_out:
    case ErrorCode::corrupt:
    case ErrorCode::environment:
    case ErrorCode::io: return true;
    default: return false;
  }
}

}  // namespace stoker::kube
