// Uploads to buckets. Each bucket has its own settings and keys, which are read when its first file comes.
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <utility>

#include "runtime/file.h"
#include "submission/uploads/s3_bucket.h"

namespace stoker::submission {

namespace {

class S3Target final : public UploadTarget {
 public:
  S3Target(codec::HadoopProperties properties, UploadServices services)
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
    TRY_ASSIGN(S3Bucket made, open_bucket(context, properties_, name, services_));
    return buckets_.emplace(name, std::move(made)).first->second.client.get();
  }

  codec::HadoopProperties properties_;
  UploadServices services_;
  std::mutex mutex_;
  std::map<std::string, S3Bucket> buckets_;
};

}  // namespace

std::unique_ptr<UploadTarget> make_s3_target(codec::HadoopProperties properties, UploadServices services) {
  return std::make_unique<S3Target>(std::move(properties), std::move(services));
}

}  // namespace stoker::submission
