// A bucket with its own settings and keys.
#pragma once

#include <memory>

#include "submission/uploads/upload_target.h"

namespace stoker::submission {

struct S3Bucket {
  std::unique_ptr<net::HttpClient> http;
  std::unique_ptr<objects::S3Client> client;
};

// Reads files of keys, and may ask for keys (objects/aws_credentials.h). `properties` are Hadoop's.
Result<S3Bucket> open_bucket(const runtime::Context& context, const codec::HadoopProperties& properties,
                             const std::string& name, const UploadServices& services);

// Of a client for uploads and downloads: who is trusted, and the proxy, if `proxy` names none.
net::ClientOptions client_options(const Variables& variables, std::string_view scheme, std::string proxy);

}  // namespace stoker::submission
