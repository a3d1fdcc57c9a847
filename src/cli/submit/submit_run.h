// Carries a planned submission out for `stoker submit`: writes, waits, tells, and ends with the exit code that
// docs/reference/exit-codes.md promises.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cli/cluster.h"
#include "cli/command.h"
#include "cli/program.h"
#include "cli/submit/declared_result.h"
#include "spark/submission_plan.h"
#include "spark/submit_request.h"
#include "submission/uploads/upload_target.h"

namespace stoker::cli {

// Stoker or the cluster prevented it: no driver has ended with this.
inline constexpr int kExitPrevented = 125;

struct PlannedSubmission {
  const spark::SubmitRequest& request;
  const spark::SubmissionPlan& plan;
  std::string submission_id;
  std::optional<DeclaredResult> result;
};

// What uploads and downloads use; `program` outlives it.
submission::UploadServices upload_services(const Program& program);

Result<int> carry_out_submission(const Program& program, const SubmitCommand& command,
                                 const PlannedSubmission& submission);

}  // namespace stoker::cli
