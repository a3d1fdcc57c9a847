// Where keys for S3 come from: the first source of the settings that has any.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"
#include "objects/s3_client.h"
#include "objects/s3a_options.h"
#include "runtime/context.h"

namespace stoker::objects {

// Reads files that the variables name, or those in the home folder, and asks STS for keys where a token of the web
// (a Kubernetes service account's, for example) stands for them, or the server that knows this machine's role. A
// profile also says the region when nothing else did: it is then put into `settings`. Errors: permission (nobody has
// keys: says what to set), invalid_value (half of them), unsupported (a profile that needs another program or a login).
Result<S3Identity> find_s3_identity(const runtime::Context& context, const Clock& clock, S3aSettings& settings,
                                    const Variables& variables, net::HttpClient& http);

}  // namespace stoker::objects
