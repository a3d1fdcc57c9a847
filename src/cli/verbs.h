// The verbs: each carries out one parsed command and returns its exit code, or the error to print.
#pragma once

#include "base/result.h"
#include "cli/command.h"
#include "cli/program.h"

namespace stoker::cli {

Result<int> run_init(const Program& program, const CommonOptions& common, const InitCommand& command);

Result<int> run_runs_list(const Program& program, const CommonOptions& common, const RunsListCommand& command);
Result<int> run_runs_show(const Program& program, const CommonOptions& common, const RunsShowCommand& command);
Result<int> run_runs_delete(const Program& program, const CommonOptions& common, const RunsDeleteCommand& command);
Result<int> run_runs_logs(const Program& program, const CommonOptions& common, const RunsLogsCommand& command);

Result<int> run_artifacts_list(const Program& program, const CommonOptions& common,
                               const ArtifactsListCommand& command);
Result<int> run_artifacts_show(const Program& program, const CommonOptions& common,
                               const ArtifactsShowCommand& command);
Result<int> run_artifacts_path(const Program& program, const CommonOptions& common,
                               const ArtifactsPathCommand& command);

Result<int> run_gc(const Program& program, const CommonOptions& common, const GcCommand& command);

Result<int> run_cache_list(const Program& program, const CommonOptions& common, const CacheListCommand& command);
Result<int> run_cache_explain(const Program& program, const CommonOptions& common, const CacheExplainCommand& command);
Result<int> run_cache_invalidate(const Program& program, const CommonOptions& common,
                                 const CacheInvalidateCommand& command);

}  // namespace stoker::cli
