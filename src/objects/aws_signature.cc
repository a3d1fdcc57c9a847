#include "objects/aws_signature.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/strings.h"
#include "codec/sha256.h"

namespace stoker::objects {

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::size_t kDateLength = 8;

std::string canonical_query(const net::Query& query) {
  std::vector<std::pair<std::string, std::string>> encoded;
  for (const auto& [name, value] : query)
    encoded.emplace_back(net::percent_encode(name), net::percent_encode(value));
  std::ranges::sort(encoded);
  std::string text;
  for (const auto& [name, value] : encoded)
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
  return text;
}

// Without blanks around it, and with one where there were several.
std::string canonical_value(std::string_view value) {
  std::string text;
  for (const char character : trim(value))
    if (character != ' ' || !text.ends_with(' ')) text += character;
  return text;
}

// By their names in lower case; values of one name in their order, with commas between.
std::map<std::string, std::string> canonical_headers(const net::Headers& headers) {
  std::map<std::string, std::string> canonical;
  for (const net::Header& header : headers) {
    const auto [place, is_new] = canonical.try_emplace(lower_case(header.name));
    place->second += (is_new ? "" : ",") + canonical_value(header.value);
  }
  return canonical;
}

std::string names_of(const std::map<std::string, std::string>& headers) {
  std::vector<std::string> names;
  for (const auto& [name, value] : headers)
    names.push_back(name);
  return join(names, ";");
}

std::string scope_text(const SigningScope& scope, WallTime time) {
  return fmt::format("{}/{}/{}/aws4_request", amazon_time(time).substr(0, kDateLength), scope.region, scope.service);
}

std::string signing_key(const std::string& secret, const SigningScope& scope, WallTime time) {
  std::string key = codec::hmac_sha256("AWS4" + secret, amazon_time(time).substr(0, kDateLength));
  key = codec::hmac_sha256(key, scope.region);
  key = codec::hmac_sha256(key, scope.service);
  return codec::hmac_sha256(key, "aws4_request");
}

}  // namespace

std::string amazon_time(WallTime time) {
  return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::string canonical_request(const SignableRequest& request) {
  const auto headers = canonical_headers(request.headers);
  std::string text = fmt::format("{}\n{}\n{}\n", request.method, request.path, canonical_query(request.query));
  for (const auto& [name, value] : headers)
    text += fmt::format("{}:{}\n", name, value);
  return text + fmt::format("\n{}\n{}", names_of(headers), request.payload_hash);
}

std::string string_to_sign(const SignableRequest& request, const SigningScope& scope, WallTime time) {
  return fmt::format("{}\n{}\n{}\n{}", kAlgorithm, amazon_time(time), scope_text(scope, time),
                     codec::sha256_hex(canonical_request(request)));
}

std::string authorization(const SignableRequest& request, const AwsCredentials& credentials, const SigningScope& scope,
                          WallTime time) {
  const std::string signature = codec::hex(
      codec::hmac_sha256(signing_key(credentials.secret_key, scope, time), string_to_sign(request, scope, time)));
  return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm, credentials.access_key,
                     scope_text(scope, time), names_of(canonical_headers(request.headers)), signature);
}

net::Headers signed_headers(SignableRequest request, const AwsCredentials& credentials, const SigningScope& scope,
                            WallTime time) {
  request.headers.push_back({"X-Amz-Date", amazon_time(time)});
  request.headers.push_back({"X-Amz-Content-Sha256", request.payload_hash});
  if (!credentials.session_token.empty())
    request.headers.push_back({"X-Amz-Security-Token", credentials.session_token});
  net::Header authorization_header{"Authorization", authorization(request, credentials, scope, time)};
  request.headers.push_back(std::move(authorization_header));
  return std::move(request.headers);
}

}  // namespace stoker::objects
