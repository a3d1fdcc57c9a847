#include "objects/s3_failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <pugixml.hpp>

namespace stoker::objects {

namespace {

constexpr std::size_t kMaximumWords = 300;

// The server's words go to a terminal: one line, no control characters, not without end.
std::string printable(std::string_view words) {
  std::string text;
  for (const char character : words) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte >= ' ' && byte != 0x7f)
      text += character;
    else if (!text.ends_with(' '))
      text += ' ';
  }
  if (text.size() <= kMaximumWords) return text;
  std::size_t end = kMaximumWords;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return text.substr(0, end) + "…";
}

struct Remedy {
  std::string_view code;  // S3's
  ErrorCode ours;
  // With {host}, {bucket}, {key}, {region} and {credentials}.
  std::string_view message;
  std::string_view hint;
};

constexpr std::string_view kNewSession = "get a new session (aws sso login, or whoever gives it) and submit again";

constexpr std::array kRemedies = {
    Remedy{"NoSuchBucket", ErrorCode::not_found, "the bucket {bucket} does not exist at {host}",
           "create it, or correct spark.kubernetes.file.upload.path"},
    Remedy{"NoSuchKey", ErrorCode::not_found, "the bucket {bucket} has no {key}", ""},
    Remedy{"AccessDenied", ErrorCode::permission, "{host} denies access to {bucket}/{key}",
           "the credentials of {credentials} need s3:GetObject and s3:PutObject on arn:aws:s3:::{bucket}/*"},
    Remedy{"AllAccessDisabled", ErrorCode::permission, "{host} denies all access to the bucket {bucket}",
           "choose another bucket in spark.kubernetes.file.upload.path"},
    Remedy{"InvalidAccessKeyId", ErrorCode::permission, "{host} does not know the access key of {credentials}",
           "correct the access key there; keys of another S3 service do not count, see spark.hadoop.fs.s3a.endpoint"},
    Remedy{"SignatureDoesNotMatch", ErrorCode::permission,
           "{host} does not accept the signature: the secret key of {credentials} is not that of its access key",
           "correct the secret key there; a blank or a line end may have been copied with it"},
    Remedy{"ExpiredToken", ErrorCode::permission, "the session of {credentials} has ended", kNewSession},
    Remedy{"TokenRefreshRequired", ErrorCode::permission, "the session of {credentials} has ended", kNewSession},
    Remedy{"InvalidToken", ErrorCode::permission, "{host} does not accept the session token of {credentials}",
           kNewSession},
    Remedy{"RequestTimeTooSkewed", ErrorCode::permission, "{host} has another time than this machine",
           "set the clock of this machine"},
    Remedy{"PermanentRedirect", ErrorCode::invalid_value, "the bucket {bucket} is not served by {host}",
           "set spark.hadoop.fs.s3a.endpoint and spark.hadoop.fs.s3a.endpoint.region to the bucket's"},
    Remedy{"AuthorizationHeaderMalformed", ErrorCode::invalid_value,
           "{host} does not accept requests that are signed for the region {region}",
           "set spark.hadoop.fs.s3a.endpoint.region to the bucket's"},
    Remedy{"XAmzContentSHA256Mismatch", ErrorCode::conflict, "what arrived at {host} is not what was read before",
           "the file was written to meanwhile; submit again"},
    Remedy{"BadDigest", ErrorCode::conflict, "what arrived at {host} is not what was read before",
           "the file was written to meanwhile; submit again"},
    Remedy{"EntityTooLarge", ErrorCode::limit_exceeded, "{host} does not take a file of this size", ""},
};

// Where there is no code, as after a HEAD, its status must do.
std::string_view code_of(const S3Failure& failure) {
  if (!failure.code.empty()) return failure.code;
  if (failure.status == 403) return "AccessDenied";
  if (failure.status == 301) return "PermanentRedirect";
  return "";
}

}  // namespace

std::string xml_text(std::string_view xml, std::string_view path) {
  pugi::xml_document document;
  if (xml.size() > kMaximumXmlBytes || !document.load_buffer(xml.data(), xml.size())) return "";
  return document.first_element_by_path(std::string(path).c_str()).child_value();
}

S3Failure read_s3_failure(const net::Response& response) {
  S3Failure failure;
  failure.status = response.status;
  failure.code = printable(xml_text(response.body, "Error/Code"));
  failure.message = printable(xml_text(response.body, "Error/Message"));
  failure.region = xml_text(response.body, "Error/Region");
  if (failure.region.empty())
    failure.region = std::string(net::find_header(response.headers, "x-amz-bucket-region").value_or(""));
  // It becomes part of a host's name.
  const auto in_region = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  if (!std::ranges::all_of(failure.region, in_region)) failure.region.clear();
  return failure;
}

bool worth_another_try(const S3Failure& failure) {
  constexpr std::array<std::string_view, 6> kCodes = {"SlowDown",       "InternalError",    "ServiceUnavailable",
                                                      "RequestTimeout", "OperationAborted", "Throttling"};
  constexpr std::array<int, 6> kStatuses = {408, 429, 500, 502, 503, 504};
  return std::ranges::find(kCodes, failure.code) != kCodes.end() ||
         std::ranges::find(kStatuses, failure.status) != kStatuses.end();
}

bool names_another_region(const S3Failure& failure, std::string_view signed_for) {
  constexpr std::array<int, 3> kStatuses = {301, 307, 400};
  return !failure.region.empty() && failure.region != signed_for &&
         std::ranges::find(kStatuses, failure.status) != kStatuses.end();
}

Error s3_error(const S3Failure& failure, const S3Caller& caller) {
  const std::string_view code = code_of(failure);
  const auto remedy = std::ranges::find(kRemedies, code, &Remedy::code);
  if (remedy == kRemedies.end()) {
    std::string message = fmt::format("{} answers {}", caller.host, failure.status);
    if (!failure.code.empty()) message += " " + failure.code;
    if (!failure.message.empty()) message += ": " + failure.message;
    const bool again = worth_another_try(failure);
    return {.code = again ? ErrorCode::unavailable : ErrorCode::io, .message = message, .retryable = again};
  }
  const auto filled = [&](std::string_view pattern) {
    return fmt::format(fmt::runtime(pattern), fmt::arg("host", caller.host), fmt::arg("bucket", caller.bucket),
                       fmt::arg("key", caller.key), fmt::arg("region", caller.region),
                       fmt::arg("credentials", caller.credentials));
  };
  Error error{.code = remedy->ours, .message = filled(remedy->message), .hint = filled(remedy->hint)};
  if (remedy->ours == ErrorCode::permission && !failure.message.empty() && code == "AccessDenied")
    error.message += fmt::format(" ({})", failure.message);
  if (remedy->ours == ErrorCode::invalid_value && !failure.region.empty())
    error.hint += fmt::format(" ({})", failure.region);
  return error;
}

}  // namespace stoker::objects
