// Puts the local dependencies of a plan where its driver will look for them.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "runtime/context.h"
#include "spark/configuration.h"
#include "spark/submission_plan.h"
#include "submission/uploads/upload_target.h"

namespace stoker::submission {

inline constexpr std::size_t kParallelUploads = 4;

// Called for each file that is there now, one call at a time, on any thread.
using UploadProgress = std::function<void(const spark::Upload& upload, const Placed& placed)>;

// All of them, or an error: that of the first file that failed, after which no other is begun and those on the way end.
// Files that are up by then stay: the next submission finds them. Places that cannot be served are refused before
// anything is sent. Errors: upload_kind's, UploadTarget::put's, cancelled and timed_out.
Result<void> upload_all(const runtime::Context& context, const std::vector<spark::Upload>& uploads,
                        const codec::HadoopProperties& properties, const UploadServices& services,
                        const UploadProgress& on_placed = {});

}  // namespace stoker::submission
