// Files that a submission reads and that are elsewhere: templates of pods.
#pragma once

#include <string>

#include "submission/uploads/upload_target.h"

namespace stoker::submission {

// From http:, https: (redirections are followed, but not from https to http) and s3a:, s3n:, s3: addresses. Errors:
// limit_exceeded; unsupported for an address of another kind; those of the place. Messages have no passwords.
Result<std::string> download(const runtime::Context& context, const std::string& uri,
                             const codec::HadoopProperties& properties, const UploadServices& services,
                             std::size_t limit_bytes);

}  // namespace stoker::submission
