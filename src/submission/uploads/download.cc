#include "submission/uploads/download.h"

#include <fmt/format.h>

#include "net/url.h"
#include "spark/uris.h"
#include "submission/uploads/s3_bucket.h"

namespace stoker::submission {

namespace {

constexpr int kMaximumRedirections = 5;
constexpr std::chrono::milliseconds kTime{60'000};

bool is_redirection(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Where the server sends to: an address, or a path on the same server.
Result<std::string> next_address(const std::string& from, const net::Response& answer) {
  const std::string to(net::find_header(answer.headers, "Location").value_or(""));
  TRY_ASSIGN(const net::Url here, net::parse_url(from));
  if (to.starts_with('/') && !to.starts_with("//")) return fmt::format("{}://{}{}", here.scheme, here.authority(), to);
  const auto there = net::parse_url(to);
  if (!there || (there->scheme != "https" && there->scheme != here.scheme))
    return Error{
        .code = ErrorCode::unavailable,
        .message = fmt::format("the server sends to \"{}\", which is not followed", net::without_password(to))};
  return to;
}

Result<std::string> from_web(const runtime::Context& context, std::string address, const UploadServices& services,
                             std::size_t limit_bytes) {
  for (int left = kMaximumRedirections;; --left) {
    TRY_ASSIGN(const net::Url url, net::parse_url(address));
    net::ClientOptions options = client_options(services.variables, url.scheme, "");
    options.maximum_body_bytes = limit_bytes;
    const auto http = services.make_http(options);
    TRY_ASSIGN(
        net::Response answer,
        http->send(context, net::Request{.method = "GET", .url = address, .headers = {}, .body = {}, .body_file = {}}));
    if (answer.ok()) return std::move(answer.body);
    if (!is_redirection(answer.status) || left == 0)
      return Error{.code = answer.status == 404 ? ErrorCode::not_found : ErrorCode::unavailable,
                   .message = fmt::format("the server answers {}", answer.status)};
    TRY_ASSIGN(address, next_address(address, answer));
  }
}

Result<std::string> from_bucket(const runtime::Context& context, const std::string& uri,
                                const codec::HadoopProperties& properties, const UploadServices& services,
                                std::size_t limit_bytes) {
  TRY_ASSIGN(const BucketAndKey place, split_s3_uri(uri));
  TRY_ASSIGN(const S3Bucket bucket, open_bucket(context, properties, place.bucket, services));
  TRY_ASSIGN(std::string content, bucket.client->get(context, place.bucket, place.key));
  if (content.size() > limit_bytes)
    return Error{.code = ErrorCode::limit_exceeded, .message = fmt::format("it has more than {} bytes", limit_bytes)};
  return content;
}

Result<std::string> fetch(const runtime::Context& context, const std::string& uri,
                          const codec::HadoopProperties& properties, const UploadServices& services,
                          std::size_t limit_bytes) {
  const std::string_view scheme = spark::split_uri(uri).scheme;
  if (scheme == "http" || scheme == "https") return from_web(context, uri, services, limit_bytes);
  if (scheme == "s3a" || scheme == "s3n" || scheme == "s3")
    return from_bucket(context, uri, properties, services, limit_bytes);
  return Error{.code = ErrorCode::unsupported,
               .message = fmt::format("reading from {}: takes Hadoop's libraries", scheme),
               .hint = "copy it to this machine, or to an https or s3a address; --jvm hands over to spark-submit"};
}

}  // namespace

Result<std::string> download(const runtime::Context& context, const std::string& uri,
                             const codec::HadoopProperties& properties, const UploadServices& services,
                             std::size_t limit_bytes) {
  auto content = fetch(context.with_timeout(services.clock, kTime), uri, properties, services, limit_bytes);
  if (content) return content;
  return std::move(content).error().with_context(fmt::format("reading {}", net::without_password(uri)));
}

}  // namespace stoker::submission
