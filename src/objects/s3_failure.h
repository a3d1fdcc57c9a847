// What S3 says when it refuses, and what somebody must do about it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http.h"

namespace stoker::objects {

inline constexpr std::size_t kMaximumXmlBytes = 1 << 20;

// The text of the element at a path of names ("Error/Code"), "" when there is none or this is no XML.
std::string xml_text(std::string_view xml, std::string_view path);

struct S3Failure {
  int status = 0;
  std::string code;     // "NoSuchBucket"; "" when the answer has no body, as that of a HEAD
  std::string message;  // the server's words, for people
  std::string region;   // where the bucket is, when the server says it
};

S3Failure read_s3_failure(const net::Response& response);

// The same request may succeed if it is sent again.
bool worth_another_try(const S3Failure& failure);
// The request was signed for another region than the bucket's; `region` has the right one.
bool names_another_region(const S3Failure& failure, std::string_view signed_for);

// Whom the server refused, for messages.
struct S3Caller {
  std::string host;
  std::string bucket;
  std::string key;
  std::string region;
  std::string credentials;  // where they are from, such as "the environment"
};

// Errors: not_found (the bucket), permission, limit_exceeded, conflict (the file changed), unavailable, io.
Error s3_error(const S3Failure& failure, const S3Caller& caller);

}  // namespace stoker::objects
