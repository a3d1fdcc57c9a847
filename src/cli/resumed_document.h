// The document of a run that is resumed: the graph that it began with, the code of its steps as it is now.
//
// Steps that are left run what the user's files say today, so that a fix takes effect. What they are filed under in the
// cache must say the same, else a result of the new code would be found for the old one.
#pragma once

#include <memory>
#include <optional>

#include "base/result.h"
#include "cli/pipeline_source.h"
#include "metadata/store.h"

namespace stoker::cli {

struct ResumedDocument {
  json::value source;
  std::optional<WallTime> compiled_at;      // as of a PipelineSource
  std::shared_ptr<local::PythonHost> host;  // has the user's file imported; none when the compile was found again
  // False: what the steps' code is now could not be found out (a notebook's, say). Nothing may then be reused or kept.
  bool code_known = true;
};

// An error when the pipeline's file is gone or does not import any more: the steps that are left could not run.
Result<ResumedDocument> resumed_document(const Program& program, const metadata::RunRow& row,
                                         const std::optional<std::string>& python, const std::filesystem::path& store);

}  // namespace stoker::cli
