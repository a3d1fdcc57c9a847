// How a bucket is reached, as Hadoop's S3A file system is told: fs.s3a.*, with fs.s3a.bucket.BUCKET.* before them for
// one bucket. Pure. Docs: docs/reference/submission-uploads.md.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/variables.h"
#include "codec/hadoop_configuration.h"
#include "net/curl_client.h"
#include "objects/s3_client.h"

namespace stoker::objects {

using codec::HadoopProperties;

enum class CredentialSource {
  session_keys,  // fs.s3a.access.key, .secret.key and .session.token
  static_keys,   // the first two
  environment,   // AWS_ACCESS_KEY_ID, …
  profile,       // ~/.aws/credentials and ~/.aws/config
  web_identity,  // AWS_WEB_IDENTITY_TOKEN_FILE
  machine_role,  // of the container or the virtual machine
  anonymous,     // unsigned requests
};

struct S3aSettings {
  S3Options options;
  // The address was not said by anybody: the region may still come from a profile.
  bool region_is_guess = false;
  std::string proxy;  // "" is none
  std::vector<CredentialSource> sources;
  AwsCredentials keys;  // of the properties; "" what is not said
};

// Errors: invalid_value (says the key), unsupported (what only Hadoop's own libraries can do).
Result<S3aSettings> s3a_settings(const HadoopProperties& properties, std::string_view bucket,
                                 const Variables& variables);

}  // namespace stoker::objects
