// Where local dependencies go: one kind of place each, chosen by the scheme of spark.kubernetes.file.upload.path.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/curl_client.h"
#include "objects/s3_client.h"
#include "objects/s3a_options.h"
#include "runtime/context.h"
#include "spark/submission_plan.h"

namespace stoker::submission {

struct Placed {
  std::uint64_t bytes = 0;
  bool was_there = false;
};

// Thread-safe.
class UploadTarget {
 public:
  virtual ~UploadTarget() = default;

  // Afterwards the whole file is at `to_uri`, or (an error) nothing that was not there before. What is there in the
  // right size is left alone: the address is made of the content. Errors: not_found and conflict (the file is gone, or
  // is another than planned), and those of the place.
  virtual Result<Placed> put(const runtime::Context& context, const spark::Upload& upload) = 0;
};

using HttpClientFactory = std::function<std::unique_ptr<net::HttpClient>(const net::ClientOptions&)>;

// What uploads use of the world. A value; `clock` outlives it.
struct UploadServices {
  Variables variables;  // of this process
  const Clock& clock;
  HttpClientFactory make_http;
  runtime::Waiting waiting;
  objects::S3Limits limits = {};
};

// A folder that the cluster sees too.
// `clock` outlives it.
std::unique_ptr<UploadTarget> make_file_target(const Clock& clock);
// Buckets; `properties` are Hadoop's. Nothing is read or asked before the first put.
std::unique_ptr<UploadTarget> make_s3_target(codec::HadoopProperties properties, UploadServices services);

enum class UploadKind { file, s3 };
// Errors: unsupported, with the reason, for what takes Hadoop's libraries; invalid_value for what is no place.
Result<UploadKind> upload_kind(const std::string& to_uri);

struct BucketAndKey {
  std::string bucket;
  std::string key;
};
// s3a://bucket/a//b/../c is the object a/c, as Hadoop's Path has it: nothing decoded, no empty parts. Errors:
// invalid_value (no bucket, no key, keys in the address, above the bucket).
Result<BucketAndKey> split_s3_uri(const std::string& uri);

}  // namespace stoker::submission
