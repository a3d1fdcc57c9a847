#include "objects/aws_machine_role.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/strings.h"
#include "codec/json.h"
#include "net/url.h"
#include "runtime/file.h"

namespace stoker::objects {

namespace {

using Found = std::optional<S3Identity>;

constexpr std::string_view kContainerServer = "http://169.254.170.2";
constexpr std::string_view kMachineServer = "http://169.254.169.254";
constexpr std::chrono::milliseconds kContainerTime{5'000};
// A laptop has nobody at that address, and often a router that says nothing.
constexpr std::chrono::milliseconds kMachineTime{2'000};
constexpr std::size_t kMaximumTokenBytes = 64 << 10;

// {"AccessKeyId": …, "SecretAccessKey": …, "Token": …}
Result<Found> keys_in(const net::Response& answer, std::string source) {
  const auto document = codec::parse_json(answer.body);
  const auto text = [&](std::string_view name) -> std::string {
    const json::object* object = document && document->is_object() ? &document->get_object() : nullptr;
    const json::value* value = object != nullptr ? object->if_contains(name) : nullptr;
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
  };
  AwsCredentials keys = {text("AccessKeyId"), text("SecretAccessKey"), text("Token")};
  if (!answer.ok() || keys.access_key.empty() || keys.secret_key.empty())
    return Error{.code = ErrorCode::permission,
                 .message = fmt::format("{} gives no keys (HTTP {})", source, answer.status)};
  return Found({.credentials = std::move(keys), .source = std::move(source)});
}

// Over plain HTTP the token may only go to this machine, or to the addresses that ECS and EKS use.
bool may_be_asked(const net::Url& url) {
  constexpr std::array kTrusted = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost", "[::1]"};
  const bool is_loopback =
      url.host.starts_with("127.") && url.host.find_first_not_of("0123456789.") == std::string::npos;
  return url.scheme == "https" || is_loopback || std::ranges::find(kTrusted, url.host) != kTrusted.end();
}

Result<std::string> container_token(const Variables& variables) {
  const std::string file = variable(variables, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (file.empty()) return variable(variables, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
  auto token = runtime::read_file(file, kMaximumTokenBytes);
  if (!token) return std::move(token).error().with_context("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  return std::string(trim(*token));
}

Result<Found> container_role(const runtime::Context& context, const Clock& clock, const Variables& variables,
                             net::HttpClient& http) {
  const std::string relative = variable(variables, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = variable(variables, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) return Found();
  const std::string name = relative.empty() ? "AWS_CONTAINER_CREDENTIALS_FULL_URI"  //
                                            : "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
  net::Request request = {.method = "GET",
                          .url = relative.empty() ? full : std::string(kContainerServer) + relative,
                          .headers = {},
                          .body = {},
                          .body_file = {}};
  const auto url = net::parse_url(request.url);
  if (!url || !may_be_asked(*url))
    return Error{.code = ErrorCode::invalid_value,
                 .message = name + " is neither an https address nor one of this machine"};
  TRY_ASSIGN(const std::string token, container_token(variables));
  if (!token.empty()) request.headers.push_back({"Authorization", token});
  auto answer = http.send(context.with_timeout(clock, kContainerTime), request);
  if (!answer) return std::move(answer).error().with_context(name);
  return keys_in(*answer, "the container's role");
}

Result<Found> virtual_machine_role(const runtime::Context& context, const Clock& clock, const Variables& variables,
                                   net::HttpClient& http) {
  if (lower_case(variable(variables, "AWS_EC2_METADATA_DISABLED")) == "true") return Found();
  std::string server = variable(variables, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (server.empty()) server = kMachineServer;
  while (server.ends_with('/'))
    server.pop_back();
  const runtime::Context soon = context.with_timeout(clock, kMachineTime);
  const auto ask = [&](const std::string& method, const std::string& path, net::Headers headers) {
    return http.send(
        soon, net::Request{
                  .method = method, .url = server + path, .headers = std::move(headers), .body = {}, .body_file = {}});
  };
  const auto token = ask("PUT", "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", "300"}});
  TRY(context.check(clock));
  if (!token || !token->ok()) return Found();
  const net::Headers proof = {{"X-aws-ec2-metadata-token", std::string(trim(token->body))}};
  const std::string path = "/latest/meta-data/iam/security-credentials/";
  TRY_ASSIGN(const net::Response roles, ask("GET", path, proof));
  if (!roles.ok()) return Found();
  const std::string role(trim(split(roles.body, '\n').front()));
  if (role.empty()) return Found();
  TRY_ASSIGN(const net::Response answer, ask("GET", path + net::percent_encode(role), proof));
  return keys_in(answer, fmt::format("this machine's role {}", role));
}

}  // namespace

Result<Found> machine_role(const runtime::Context& context, const Clock& clock, const Variables& variables,
                           net::HttpClient& http) {
  TRY_ASSIGN(Found found, container_role(context, clock, variables, http));
  if (found) return found;
  return virtual_machine_role(context, clock, variables, http);
}

}  // namespace stoker::objects
