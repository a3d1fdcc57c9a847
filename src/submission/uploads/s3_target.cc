// Uploads to buckets. Each bucket has its own settings and keys, which are read when its first file comes.
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <utility>

#include "net/tls.h"
#include "objects/aws_credentials.h"
#include "runtime/file.h"
#include "submission/uploads/upload_target.h"

namespace stoker::submission {

namespace {

constexpr std::string_view kUserAgent = "stoker";
constexpr std::chrono::seconds kLongestSilence{60};

struct Bucket {
  std::unique_ptr<net::HttpClient> http;
  std::unique_ptr<objects::S3Client> client;
};

class S3Target final : public UploadTarget {
 public:
  S3Target(objects::HadoopProperties properties, UploadServices services)
      : properties_(std::move(properties)), services_(std::move(services)) {}

  Result<Placed> put(const runtime::Context& context, const spark::Upload& upload) override {
    TRY_ASSIGN(const BucketAndKey place, split_s3_uri(upload.to_uri));
    TRY_ASSIGN(const objects::S3Client* client, client_of(context, place.bucket));
    TRY_ASSIGN(const runtime::FileStamp source, runtime::stamp_file(upload.from_path));
    TRY_ASSIGN(const auto size, client->size(context, place.bucket, place.key));
    if (size == source.size) return Placed{.bytes = source.size, .was_there = true};
    // The signature carries the hash of the plan: a file that changed since is refused by the server.
    TRY(client->put_file(context, place.bucket, place.key, upload.from_path,
                         {.hex = upload.sha256, .bytes = source.size}));
    return Placed{.bytes = source.size, .was_there = false};
  }

 private:
  // The first caller of a bucket makes its client; the others wait, and get the same error if it has none.
  Result<const objects::S3Client*> client_of(const runtime::Context& context, const std::string& name) {
    std::scoped_lock lock(mutex_);
    if (const auto known = buckets_.find(name); known != buckets_.end()) return known->second.client.get();
    TRY_ASSIGN(Bucket made, make_client(context, name));
    return buckets_.emplace(name, std::move(made)).first->second.client.get();
  }

  Result<Bucket> make_client(const runtime::Context& context, const std::string& name) const {
    TRY_ASSIGN(objects::S3aSettings settings, objects::s3a_settings(properties_, name, services_.variables));
    net::ClientOptions options;
    options.proxy = settings.proxy;
    options.user_agent = kUserAgent;
    options.longest_silence = kLongestSilence;
    net::take_proxy_from_environment(options, services_.variables, settings.options.scheme);
    const auto authorities = services_.variables.find("AWS_CA_BUNDLE");
    options.tls.authorities_file = authorities != services_.variables.end()
                                       ? authorities->second
                                       : net::system_authorities_file(services_.variables).value_or("");
    Bucket bucket;
    bucket.http = services_.make_http(options);
    TRY_ASSIGN(objects::S3Identity identity,
               objects::find_s3_identity(context, settings, services_.variables, *bucket.http));
    bucket.client = std::make_unique<objects::S3Client>(*bucket.http, services_.clock, std::move(settings.options),
                                                        std::move(identity), services_.waiting, services_.limits);
    return bucket;
  }

  objects::HadoopProperties properties_;
  UploadServices services_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace

std::unique_ptr<UploadTarget> make_s3_target(objects::HadoopProperties properties, UploadServices services) {
  return std::make_unique<S3Target>(std::move(properties), std::move(services));
}

}  // namespace stoker::submission
