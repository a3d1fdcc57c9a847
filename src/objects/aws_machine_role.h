// Keys of the role that a container (ECS, EKS Pod Identity) or a virtual machine (EC2) was given: both are asked of a
// server that only this machine reaches.
// Sources: AWS SDKs and Tools Reference, "Container credential provider" and "IMDS credential provider" (2025).
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"
#include "objects/s3_client.h"
#include "objects/s3a_options.h"
#include "runtime/context.h"

namespace stoker::objects {

// Hosts that must be reached without a proxy: NO_PROXY's form.
inline constexpr std::string_view kMachineRoleHosts = "169.254.169.254,169.254.170.2,169.254.170.23,fd00:ec2::23";

// None: no container address is named, and no server of a machine answers (2 s), or it has no role. Errors: permission
// (the named server gives no keys), invalid_value (its address may not be trusted, its answer is none).
Result<std::optional<S3Identity>> machine_role(const runtime::Context& context, const Clock& clock,
                                               const Variables& variables, net::HttpClient& http);

}  // namespace stoker::objects
