// What an upload needs of S3: is it there, and put a file. Thread-safe.
//
// Requests are signed by Signature Version 4, with the content's hash, so that a server takes nothing but what was read
// here. Sent again, after a delay: what the server was too busy or too broken for (SlowDown, 5xx, 429), and what a
// connection broke under; each request here can be repeated without harm. A server that names another region is asked
// again at once, for that region.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "net/http.h"
#include "objects/aws_signature.h"
#include "objects/s3_failure.h"
#include "runtime/context.h"
#include "runtime/file.h"
#include "runtime/wait.h"

namespace stoker::objects {

struct S3Options {
  std::string scheme = "https";
  std::string authority;  // host and port; "" is Amazon's of the region
  std::string region = "us-east-1";
  bool path_style = false;
  net::Headers put_headers;  // of each object that is written: encryption, access control
};

// Whose requests these are.
struct S3Identity {
  std::optional<AwsCredentials> credentials;  // none is nobody's: unsigned
  std::string source;                         // for messages: "the environment"
};

// Where one object is.
struct S3Place {
  std::string host;
  std::string path;  // encoded
};
// In the host's name where the bucket can be part of one (a DNS label, below a host that is no address), else in the
// path.
S3Place place_of(const S3Options& options, const std::string& region, const std::string& bucket,
                 const std::string& key);

struct S3Limits {
  int maximum_tries = 5;
  // Before the second try, then twice as long each time, with a random part; Retry-After counts when it is longer.
  std::chrono::milliseconds first_delay{200};
  std::chrono::milliseconds longest_delay{10'000};
  // A try may take so long, and longer for its bytes at this rate: a connection that hangs is given up.
  std::chrono::milliseconds try_time{60'000};
  std::uint64_t slowest_bytes_per_second = 64 << 10;
  // Larger files go in parts, so that a broken connection costs one of them, and as S3 takes at most 5 GiB in one.
  std::uint64_t multipart_above_bytes = 1ULL << 30;
  std::uint64_t part_bytes = 64ULL << 20;
};

class S3Client {
 public:
  // `http` and `clock` outlive the client.
  S3Client(net::HttpClient& http, const Clock& clock, S3Options options, S3Identity identity, runtime::Waiting waiting,
           S3Limits limits = {});

  // The size of the object; none when it is not there, or when we may not know (403: whoever may write may not always
  // read, and a HEAD has no words for the reason; a write has).
  Result<std::optional<std::uint64_t>> size(const runtime::Context& context, const std::string& bucket,
                                            const std::string& key) const;
  // The object's content, which the client's limit of an answer bounds.
  Result<std::string> get(const runtime::Context& context, const std::string& bucket, const std::string& key) const;
  // The whole file or nothing of it. `digest` is its content; a file that has another one by then is an error
  // (conflict).
  Result<void> put_file(const runtime::Context& context, const std::string& bucket, const std::string& key,
                        const runtime::Path& file, const runtime::FileDigest& digest) const;

 private:
  struct Call {
    std::string method;
    std::string bucket;
    std::string key;
    net::Query query;
    net::Headers headers;
    std::string body;
    std::optional<std::string> body_file;
    std::string payload_hash;
    std::uint64_t bytes = 0;
  };
  static Call call_without_body(std::string method, std::string bucket, std::string key);
  static Error changed_while_read(const runtime::Path& file);

  // Any answer of the server that is not worth another try, or the last one.
  Result<net::Response> send(const runtime::Context& context, const Call& call) const;
  Result<net::Response> send_once(const runtime::Context& context, const Call& call, const std::string& region) const;
  // An answer that is not 2xx as an error.
  Result<net::Response> demand(const runtime::Context& context, const Call& call) const;
  std::chrono::milliseconds delay_before(int next_try, const net::Response* response) const;
  Error failed(const net::Response& response, const Call& call) const;

  Result<void> put_in_parts(const runtime::Context& context, const std::string& bucket, const std::string& key,
                            const runtime::Path& file, const runtime::FileDigest& digest) const;
  Result<std::string> put_parts(const runtime::Context& context, const Call& whole, const std::string& upload_id,
                                const runtime::Path& file, const runtime::FileDigest& digest) const;
  void abandon(const Call& whole, const std::string& upload_id) const;

  net::HttpClient& http_;
  const Clock& clock_;
  S3Options options_;
  S3Identity identity_;
  runtime::Waiting waiting_;
  S3Limits limits_;
  mutable Guarded<std::string> region_;  // the last one that a server named
};

}  // namespace stoker::objects
