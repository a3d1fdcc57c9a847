// The verbs: each carries out one parsed command and returns its exit code, or the error to print.
#pragma once

#include "base/result.h"
#include "cli/command.h"
#include "cli/program.h"

namespace stoker::cli {

Result<int> run_run(const Program& program, const CommonOptions& common, const RunCommand& command);
Result<int> run_compile(const Program& program, const CommonOptions& common, const CompileCommand& command);
Result<int> run_validate(const Program& program, const CommonOptions& common, const ValidateCommand& command);
Result<int> run_submit(const Program& program, const SubmitCommand& command);
Result<int> run_rbac(const CommonOptions& common, const RbacCommand& command);
Result<int> run_doctor(const Program& program, const CommonOptions& common, const DoctorCommand& command);
Result<int> run_init(const Program& program, const CommonOptions& common, const InitCommand& command);

Result<int> run_runs_list(const Program& program, const CommonOptions& common, const RunsListCommand& command);
Result<int> run_runs_show(const Program& program, const CommonOptions& common, const RunsShowCommand& command);
Result<int> run_runs_resume(const Program& program, const CommonOptions& common, const RunsResumeCommand& command);
Result<int> run_runs_cancel(const Program& program, const CommonOptions& common, const RunsCancelCommand& command);
Result<int> run_runs_delete(const Program& program, const CommonOptions& common, const RunsDeleteCommand& command);
Result<int> run_runs_logs(const Program& program, const CommonOptions& common, const RunsLogsCommand& command);

Result<int> run_artifacts_list(const Program& program, const CommonOptions& common,
                               const ArtifactsListCommand& command);
Result<int> run_artifacts_show(const Program& program, const CommonOptions& common,
                               const ArtifactsShowCommand& command);
Result<int> run_artifacts_path(const Program& program, const CommonOptions& common,
                               const ArtifactsPathCommand& command);

Result<int> run_apps_list(const Program& program, const CommonOptions& common, const AppsListCommand& command);
Result<int> run_apps_show(const Program& program, const CommonOptions& common, const AppsShowCommand& command);
Result<int> run_apps_logs(const Program& program, const AppsLogsCommand& command);
Result<int> run_apps_events(const Program& program, const CommonOptions& common, const AppsEventsCommand& command);
Result<int> run_apps_kill(const Program& program, const CommonOptions& common, const AppsKillCommand& command);
Result<int> run_apps_cleanup(const Program& program, const CommonOptions& common, const AppsCleanupCommand& command);

Result<int> run_workers_list(const Program& program, const CommonOptions& common, const WorkersListCommand& command);
Result<int> run_workers_stop(const Program& program, const CommonOptions& common, const WorkersStopCommand& command);
Result<int> run_workers_prepare(const Program& program, const CommonOptions& common,
                                const WorkersPrepareCommand& command);
// The pool daemon itself, started by PoolClient with words of its own.
Result<int> run_workers_serve(const Program& program, const std::vector<std::string>& arguments);

Result<int> run_gc(const Program& program, const CommonOptions& common, const GcCommand& command);

Result<int> run_cache_list(const Program& program, const CommonOptions& common, const CacheListCommand& command);
Result<int> run_cache_explain(const Program& program, const CommonOptions& common, const CacheExplainCommand& command);
Result<int> run_cache_invalidate(const Program& program, const CommonOptions& common,
                                 const CacheInvalidateCommand& command);

}  // namespace stoker::cli
