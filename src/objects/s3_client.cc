#include "objects/s3_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/strings.h"
#include "codec/sha256.h"
#include "net/url.h"

namespace stoker::objects {

namespace {

// Below it a body is sent at once; above it the server is asked first whether it wants it.
constexpr std::uint64_t kAskFirstBytes = 1 << 20;
constexpr int kMaximumRedirects = 2;

bool is_address(std::string_view authority) {
  if (authority.starts_with('[')) return true;
  const std::string host(authority.substr(0, authority.find(':')));
  in_addr unused{};
  return ::inet_pton(AF_INET, host.c_str(), &unused) == 1;
}

// A bucket of older days may have capitals and underscores. A dot is fine in a name, but no certificate is for it.
bool may_be_in_host(std::string_view bucket, std::string_view scheme) {
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (c == '.' && scheme == "http");
  };
  return !bucket.empty() && std::ranges::all_of(bucket, fits);
}

std::string amazon_host(const std::string& region) {
  return fmt::format("s3.{}.amazonaws.com{}", region, region.starts_with("cn-") ? ".cn" : "");
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

S3Place place_of(const S3Options& options, const std::string& region, const std::string& bucket,
                 const std::string& key) {
  const std::string authority = options.authority.empty() ? amazon_host(region) : options.authority;
  const std::string path = "/" + net::percent_encode(key, "/");
  if (options.path_style || is_address(authority) || !may_be_in_host(bucket, options.scheme))
    return {.host = authority, .path = "/" + net::percent_encode(bucket) + path};
  return {.host = bucket + "." + authority, .path = path};
}

S3Client::S3Client(net::HttpClient& http, const Clock& clock, S3Options options, S3Identity identity,
                   runtime::Waiting waiting, S3Limits limits)
    : http_(http),
      clock_(clock),
      options_(std::move(options)),
      identity_(std::move(identity)),
      waiting_(std::move(waiting)),
      limits_(limits),
      region_(options_.region) {}

S3Client::Call S3Client::call_without_body(std::string method, std::string bucket, std::string key) {
  Call call;
  call.method = std::move(method);
  call.bucket = std::move(bucket);
  call.key = std::move(key);
  call.payload_hash = codec::sha256_hex("");
  return call;
}

Error S3Client::changed_while_read(const runtime::Path& file) {
  return {.code = ErrorCode::conflict,
          .message = fmt::format("{} changed while it was read", file.string()),
          .hint = "submit again"};
}

Result<net::Response> S3Client::send_once(const runtime::Context& context, const Call& call,
                                          const std::string& region) const {
  const S3Place place = place_of(options_, region, call.bucket, call.key);
  SignableRequest signable = {.method = call.method,
                              .path = place.path,
                              .query = call.query,
                              .headers = call.headers,
                              .payload_hash = call.payload_hash};
  signable.headers.push_back({"Host", place.host});
  net::Request request = {.method = call.method,
                          .url = fmt::format("{}://{}{}", options_.scheme, place.host, place.path),
                          .headers = {},
                          .body = call.body,
                          .body_file = call.body_file};
  if (!call.query.empty()) request.url += "?" + net::write_query(call.query);
  request.headers = identity_.credentials
                        ? signed_headers(std::move(signable), *identity_.credentials, {region}, clock_.wall_now())
                        : std::move(signable.headers);
  // Not signed: a proxy may answer it.
  if (call.bytes > kAskFirstBytes) request.headers.push_back({"Expect", "100-continue"});
  const auto for_bytes = std::chrono::seconds(call.bytes / limits_.slowest_bytes_per_second);
  return http_.send(context.with_timeout(clock_, limits_.try_time + for_bytes), request);
}

std::chrono::milliseconds S3Client::delay_before(int next_try, const net::Response* response) const {
  const auto delay = runtime::backoff(next_try, limits_.first_delay, limits_.longest_delay, waiting_.random_bits());
  if (response == nullptr) return delay;
  const auto seconds = number(net::find_header(response->headers, "Retry-After").value_or(""));
  if (!seconds) return delay;
  const auto longest = static_cast<std::uint64_t>(limits_.longest_delay.count());
  return std::max(delay, std::chrono::milliseconds(std::min(*seconds * 1000, longest)));
}

Result<net::Response> S3Client::send(const runtime::Context& context, const Call& call) const {
  int redirects = 0;
  for (int tries = 1;; ++tries) {
    const std::string region = region_.with([](const std::string& known) { return known; });
    auto answer = send_once(context, call, region);
    std::optional<S3Failure> failure;
    if (answer) {
      if (answer->ok()) return answer;
      failure = read_s3_failure(*answer);
      if (names_another_region(*failure, region) && redirects < kMaximumRedirects) {
        ++redirects;
        --tries;
        region_.with([&](std::string& known) { known = failure->region; });
        continue;
      }
      if (!worth_another_try(*failure) || tries >= limits_.maximum_tries) return answer;
    } else {
      TRY(context.check(clock_));  // the caller's time or patience, not that of this try
      const ErrorCode code = answer.error().code;
      if ((code != ErrorCode::unavailable && code != ErrorCode::timed_out) || tries >= limits_.maximum_tries)
        return std::move(answer).error();
    }
    TRY(waiting_.wait(context, delay_before(tries + 1, answer ? &*answer : nullptr)));
  }
}

Error S3Client::failed(const net::Response& response, const Call& call) const {
  const std::string region = region_.with([](const std::string& known) { return known; });
  return s3_error(read_s3_failure(response), {.host = place_of(options_, region, call.bucket, call.key).host,
                                              .bucket = call.bucket,
                                              .key = call.key,
                                              .region = region,
                                              .credentials = identity_.source});
}

Result<net::Response> S3Client::demand(const runtime::Context& context, const Call& call) const {
  TRY_ASSIGN(net::Response response, send(context, call));
  if (!response.ok()) return failed(response, call);
  return response;
}

Result<std::optional<std::uint64_t>> S3Client::size(const runtime::Context& context, const std::string& bucket,
                                                    const std::string& key) const {
  const Call call = call_without_body("HEAD", bucket, key);
  TRY_ASSIGN(const net::Response response, send(context, call));
  // Some servers leave the header out for what is empty.
  if (response.ok()) return number(net::find_header(response.headers, "Content-Length").value_or("0"));
  constexpr std::array<int, 3> kWriteWillTell = {400, 403, 404};
  if (std::ranges::find(kWriteWillTell, response.status) != kWriteWillTell.end()) return std::optional<std::uint64_t>();
  return failed(response, call);
}

Result<std::string> S3Client::get(const runtime::Context& context, const std::string& bucket,
                                  const std::string& key) const {
  TRY_ASSIGN(net::Response response, demand(context, call_without_body("GET", bucket, key)));
  return std::move(response.body);
}

Result<void> S3Client::put_file(const runtime::Context& context, const std::string& bucket, const std::string& key,
                                const runtime::Path& file, const runtime::FileDigest& digest) const {
  if (digest.bytes > limits_.multipart_above_bytes) return put_in_parts(context, bucket, key, file, digest);
  // Another size would leave a server waiting for the rest; another content it refuses by the hash.
  TRY_ASSIGN(const runtime::FileStamp now, runtime::stamp_file(file));
  if (now.size != digest.bytes) return changed_while_read(file);
  Call call = call_without_body("PUT", bucket, key);
  call.headers = options_.put_headers;
  call.body_file = file.string();
  call.payload_hash = digest.hex;
  call.bytes = digest.bytes;
  TRY(demand(context, call));
  return {};
}

}  // namespace stoker::objects
