// What the user asked for, as plain data: the command line after parsing. command_line.h makes these, the verb files
// carry them out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "spark/submit_arguments.h"

namespace stoker::cli {

// Options that verbs share.
struct CommonOptions {
  std::optional<std::string> store;
  bool json = false;
  bool no_color = false;
};

struct RunCommand {
  std::string file;
  std::optional<std::string> pipeline;                          // when the file has several
  std::vector<std::pair<std::string, std::string>> parameters;  // --set NAME=VALUE, in order
  std::optional<std::string> parameter_file;
  std::optional<std::string> python;
  std::optional<std::string> experiment;
  std::optional<int> parallelism;
  std::optional<std::chrono::milliseconds> timeout;
  bool no_cache = false;
  bool fail_fast = false;
  bool isolated = false;   // no warm JVM
  bool recompile = false;  // ignore the cached compile
  bool plain = false;      // plain lines on a terminal too
  bool quiet = false;
};

struct CompileCommand {
  std::string file;
  std::optional<std::string> pipeline;
  std::optional<std::string> python;
  std::optional<std::string> output;  // a path; standard output without
  bool yaml = false;
  bool recompile = false;
};

struct ValidateCommand {
  std::vector<std::string> files;
  std::optional<std::string> python;
};

struct RunsListCommand {
  std::optional<std::string> pipeline;
  std::optional<std::string> state;
  std::optional<std::string> experiment;
  int limit = 20;
};
struct RunsShowCommand {
  std::string run = "latest";
  bool events = false;
  bool follow = false;
  bool plain = false;
};
struct RunsLogsCommand {
  std::string run = "latest";
  std::optional<std::string> step;
  bool follow = false;
  std::optional<int> tail;
  std::optional<int> attempt;
  std::string stream = "all";  // stdout, stderr, spark, all
};
struct RunsResumeCommand {
  std::string run = "latest";
  std::optional<std::string> python;
  std::optional<int> parallelism;
  bool no_cache = false;
  bool plain = false;
  bool quiet = false;
  bool isolated = false;
};
struct RunsCancelCommand {
  std::string run = "latest";
};
struct RunsDeleteCommand {
  std::vector<std::string> runs;
  bool yes = false;
};

struct ArtifactsListCommand {
  std::string run = "latest";
};
struct ArtifactsShowCommand {
  std::string name;  // STEP[/OUTPUT]
  std::string run = "latest";
};
struct ArtifactsPathCommand {
  std::string name;
  std::string run = "latest";
};

struct CacheListCommand {
  std::optional<std::string> pipeline;
  std::optional<std::string> step;
};
struct CacheExplainCommand {
  std::string step;
  std::string run = "latest";
};
struct CacheInvalidateCommand {
  std::optional<std::string> pipeline;
  std::optional<std::string> step;
  std::optional<std::string> key;
  bool all = false;
};

struct WorkersListCommand {};
struct WorkersStopCommand {
  bool force = false;
};
struct WorkersPrepareCommand {
  std::optional<std::string> python;
};

struct GcCommand {
  std::optional<std::chrono::milliseconds> older_than;
  std::optional<int> keep;
  bool dry_run = false;
};
struct InitCommand {
  std::string directory = ".";
  std::optional<std::string> name;
};
// Which cluster, as whom, and where in it.
struct ClusterOptions {
  std::optional<std::string> namespace_name;  // else that of the kubeconfig's context
  bool all_namespaces = false;
  std::optional<std::string> context;
  std::optional<std::string> kubeconfig;
};
struct DoctorCommand {
  std::optional<std::string> python;
  bool cluster = false;  // that instead of this machine
  ClusterOptions where;
  std::optional<std::string> service_account;
};
struct SubmitCommand {
  spark::SubmitArguments arguments;
  std::vector<std::string> words;  // as they were given
  bool jvm = false;                // for the real spark-submit
  std::optional<std::string> spark_version;
  bool dry_run = false;
  bool json = false;
  bool show_secrets = false;
  std::optional<bool> wait;  // else as spark.kubernetes.submission.waitAppCompletion says
  bool follow = false;
  bool detach = false;
  bool delete_after = false;
  std::optional<std::string> result;  // NAME or /PATTERN/
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<std::string> submission_id;
  std::optional<std::string> kubeconfig;
};
struct AppsListCommand {
  ClusterOptions where;
};
struct AppsShowCommand {
  ClusterOptions where;
  std::string app;
};
struct AppsLogsCommand {
  ClusterOptions where;
  std::string app;
  bool follow = false;
  bool previous = false;
  std::optional<std::int64_t> tail;
  std::optional<std::string> executor;  // its id
};
struct AppsEventsCommand {
  ClusterOptions where;
  std::string app;
};
struct AppsKillCommand {
  ClusterOptions where;
  std::vector<std::string> apps;
  std::optional<std::int64_t> grace_period;  // seconds; else the pod's
};
struct AppsCleanupCommand {
  ClusterOptions where;
};
struct RbacCommand {
  std::string namespace_name = "default";
  std::string service_account = "spark";
  bool submitter = false;
  std::optional<std::string> user;  // instead of the service account
};
struct VersionCommand {};
struct CompletionCommand {
  std::string shell;
};
// Help was asked for, or no verb given: text to print, and the exit code.
struct HelpCommand {
  std::string text;
};

using Verb =
    std::variant<RunCommand, CompileCommand, ValidateCommand, RunsListCommand, RunsShowCommand, RunsLogsCommand,
                 RunsResumeCommand, RunsCancelCommand, RunsDeleteCommand, ArtifactsListCommand, ArtifactsShowCommand,
                 ArtifactsPathCommand, CacheListCommand, CacheExplainCommand, CacheInvalidateCommand,
                 WorkersListCommand, WorkersStopCommand, WorkersPrepareCommand, GcCommand, InitCommand, DoctorCommand,
                 SubmitCommand, AppsListCommand, AppsShowCommand, AppsLogsCommand, AppsEventsCommand, AppsKillCommand,
                 AppsCleanupCommand, RbacCommand, VersionCommand, CompletionCommand, HelpCommand>;

struct Command {
  CommonOptions common;
  Verb verb;
};

}  // namespace stoker::cli
