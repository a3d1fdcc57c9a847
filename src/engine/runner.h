// Runner: the seam between the run loop and whatever executes attempts (local processes, pods, Spark applications).
//
// Division of work. The run loop decides *that* an attempt starts, records the intent first, owns every deadline and
// retry, and evaluates every template. The runner turns one AttemptSpec into something that runs, and reports. A runner
// never retries, never reads the clock for a deadline of the user, and never touches the metadata store.
//
//   run loop                     runner
//     start(spec) ------------->   (returns at once)
//                 <------------- started{pid}         at most once; the step's timeout counts from here
//                 <------------- progress, metric     any number, may be dropped under load
//     cancel(id, grace) ------->   SIGTERM … SIGKILL after the grace
//                 <------------- finished{result}     exactly once for each start(), also after cancel() and for a
//                 start that failed
//
// Threads. All of Runner is called from the run loop's thread, one call at a time; no call may block for long
// (milliseconds). AttemptEvents may be called from any thread, also from inside start() and cancel(). Its object lives
// until the last finished() has returned: the Runner's owner calls stop() before it goes.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "codec/json.h"
#include "pipeline/document.h"

namespace stoker::engine {

struct AttemptId {
  RunId run;
  StepPath step;
  int attempt = 1;  // from 1; each attempt of an instance, in whichever process, has a number of its own

  // "<run>/<step>/<attempt>": STOKER_ATTEMPT_ID.
  std::string text() const { return run.str() + "/" + step.str() + "/" + std::to_string(attempt); }
  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};

// What all attempts of a run share. Immutable while the run lives.
struct RunContext {
  RunId run;
  PipelineName pipeline;
  std::filesystem::path store;              // absolute
  std::filesystem::path project_root;       // absolute; files in the document are relative to it
  std::string project;                      // the project's name or id, for the worker
  std::filesystem::path working_directory;  // where the user stood: the working directory of steps that name none
  std::chrono::milliseconds grace{std::chrono::seconds(10)};
};

struct AttemptSpec {
  AttemptId id;
  std::shared_ptr<const RunContext> run;
  // The step with every template evaluated: body (command, script, manifest, wait), environment. `inputs`, `when`,
  // `foreach`, `repeat` are as written; their values are below.
  std::shared_ptr<const pipeline::Step> step;
  // What stands for this step run in cache keys (the invocation's `identity`): its cache key; empty when it has none.
  std::string identity;
  json::object inputs;  // name -> binding (plain value, {"$artifact": …}, {"$file": …}, {"$table": …}, {"$secret": …},
                        // {"$value": …})
  std::map<std::string, std::string> environment;  // beside the process's own environment
  std::map<std::string, std::string>
      secrets;  // environment variable -> name of the secret; the runner resolves, nobody records the value
  std::filesystem::path attempt_folder;  // <store>/runs/<run>/attempts/<step>/<attempt>; made by the runner
  std::filesystem::path
      artifacts_folder;  // <store>/artifacts/<pipeline>/<run>/<step>/<attempt>; made by whoever writes the first output
  std::optional<std::chrono::milliseconds> timeout;  // to tell the user's code; the run loop enforces it by cancel()
};

struct StageProgress {
  std::int64_t id = 0;
  std::string name;
  std::int64_t done = 0, failed = 0, active = 0, total = 0;
};

// Live only, never stored.
struct AttemptProgress {
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string label;
  std::vector<StageProgress> stages;
};

struct AttemptError {
  pipeline::FailureClass failure_class = pipeline::FailureClass::infrastructure;
  std::string type;       // ValueError; empty when nothing was raised
  std::string message;    // one line
  std::string traceback;  // frames of the user only
  std::string hint;
  std::string file;
  int line = 0;
  std::optional<int> exit_code;
  std::optional<int> signal;
};

// What the attempt was seen to use (the dynamic half of the cache key).
inline constexpr std::string_view kUnknownDigest = "unknown";
struct ObservedFile {
  std::string path;    // absolute
  std::string digest;  // sha256:…, stat:… of a big file, or kUnknownDigest: it changed while it was used
  std::string kind;    // module | file | path (its digest is a runtime::path_state)
};
inline constexpr std::string_view kAllVariables = "*";
struct Observed {
  std::vector<ObservedFile> files;
  // Environment variables that the step's own code read: digest of the value, none where it was not set. The name
  // kAllVariables: it went over all names.
  std::map<std::string, std::optional<std::string>> environment;
  std::vector<std::string> outside_reads;  // URIs read that are no input: not cached unless the step says so
};

struct AttemptResult {
  bool succeeded = false;
  AttemptError error;    // when not succeeded
  json::object outputs;  // name -> {"artifact": {…}, "value": …?}; a plain value without artifact is {"value": …}
  std::map<std::string, double> metrics;
  Observed observed;
  std::optional<std::int64_t> cpu_milliseconds;  // user + system, descendants included
  std::optional<std::int64_t> peak_rss_bytes;
  // Name (stdout, stderr, spark) -> absolute path.
  std::map<std::string, std::string> logs;
};

// Thread-safe; see the top.
class AttemptEvents {
 public:
  virtual ~AttemptEvents() = default;
  virtual void started(const AttemptId& id, std::optional<std::int64_t> pid) = 0;
  virtual void progress(const AttemptId& id, AttemptProgress progress) = 0;
  virtual void metric(const AttemptId& id, std::string name, double value, std::optional<std::int64_t> step) = 0;
  // One line that the runner has to say about the attempt. What the attempt itself writes goes to its log files only:
  // followers read along there.
  virtual void log_line(const AttemptId& id, std::string stream, std::string line) = 0;
  virtual void finished(const AttemptId& id, AttemptResult result) = 0;
};

// An attempt that was on its way when an earlier engine of this run died.
struct LostAttempt {
  AttemptId id;
  std::filesystem::path attempt_folder;
};

class Runner {
 public:
  virtual ~Runner() = default;

  // Names the runner in messages ("the local runner cannot …").
  virtual std::string name() const = 0;

  // Whether this runner can execute the step at all; asked for each step of the document before the run starts. The
  // error is for the user.
  virtual Result<void> supports(const pipeline::Step& step) const = 0;

  // How many attempts it makes sense to have started at once (cores, memory). The run loop starts no more.
  virtual int slots() const = 0;

  // Ends what is left of earlier engines' attempts (processes, pods) and returns when nothing of them can write any
  // more. Called before the first start() of a resumed run.
  virtual Result<void> end_lost(std::span<const LostAttempt> attempts) = 0;

  // Begins the attempt. Whatever goes wrong, now or later, arrives as finished(). Starting an id twice is a defect of
  // the caller.
  virtual void start(AttemptSpec spec, AttemptEvents& events) = 0;

  // Asks the attempt to end: politely, then after `grace` by force; zero is force at once. Unknown or finished ids are
  // ignored; a second call with a shorter grace shortens it. finished() follows, with class `cancelled` unless the
  // attempt had ended by itself.
  virtual void cancel(const AttemptId& id, std::chrono::milliseconds grace) = 0;

  // Cancels all that is left at once and returns when the last finished() has returned.
  virtual void stop() = 0;
};

}  // namespace stoker::engine
