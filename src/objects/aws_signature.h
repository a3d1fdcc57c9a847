// AWS Signature Version 4 in the Authorization header, as S3 takes it: each part of a path encoded once, nothing
// normalised. Pure: time and keys come in.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/http.h"
#include "net/url.h"

namespace stoker::objects {

struct AwsCredentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // "" for keys that do not expire
  friend bool operator==(const AwsCredentials&, const AwsCredentials&) = default;
};

struct SigningScope {
  std::string region;
  std::string service = "s3";
};

// A payload whose hash nobody says; for HTTPS only.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

struct SignableRequest {
  std::string method;
  std::string path;  // as it is sent: encoded, begins with '/'
  net::Query query;  // as it is meant: not encoded
  // All of these are signed; Host must be one of them.
  net::Headers headers;
  std::string payload_hash;  // SHA-256 in hex, or kUnsignedPayload
};

// 20130524T000000Z
std::string amazon_time(WallTime time);

std::string canonical_request(const SignableRequest& request);
std::string string_to_sign(const SignableRequest& request, const SigningScope& scope, WallTime time);
// The value of the Authorization header.
std::string authorization(const SignableRequest& request, const AwsCredentials& credentials, const SigningScope& scope,
                          WallTime time);

// The headers of the request, those that S3 wants signed (X-Amz-Date, X-Amz-Content-Sha256, X-Amz-Security-Token when
// there is a token), and Authorization.
net::Headers signed_headers(SignableRequest request, const AwsCredentials& credentials, const SigningScope& scope,
                            WallTime time);

}  // namespace stoker::objects
