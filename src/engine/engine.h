// Engine: what a CLI or a server embeds to run pipelines: it owns the run (lock, epoch), checks it against the runner,
// and drives the run loop.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "engine/run_observer.h"
#include "engine/runner.h"
#include "metadata/store.h"
#include "objects/artifact_store.h"
#include "pipeline/document.h"
#include "pipeline/run/run_state.h"
#include "runtime/process/process.h"

namespace stoker::engine {

// A document that was read before, from its source as stored, and its folder.
using DocumentLoader = std::function<Result<std::shared_ptr<const pipeline::Document>>(const json::value& source,
                                                                                       const std::string& directory)>;

struct EngineOptions {
  const Clock* clock = nullptr;
  std::function<double()> random;  // in [0, 1); ids of runs and the jitter of retries
  int parallelism = 0;             // attempts at once; 0: as many as the runner likes
  bool use_cache = true;
  bool keep_results = true;                          // for later runs to reuse
  std::optional<std::chrono::milliseconds> timeout;  // of the run, beside the document's
  bool fail_fast = false;
  std::chrono::milliseconds grace{std::chrono::seconds(10)};
  DocumentLoader load_document;      // for resume; none: pipeline::load_document
  json::object cache_facts;          // facts of the machine that are part of every cache key
  runtime::Environment environment;  // that steps get: what they read of it decides whether their results are reused
};

struct RunRequest {
  std::shared_ptr<const pipeline::Document> document;
  json::object parameters;  // complete, as bindings (pipeline::bind_parameters)
  std::string project_root;
  std::string interpreter;
  std::string working_directory;
  std::string experiment;
  // Where the document came from, for a resume: the file, and the pipeline in it that was asked for by name.
  std::string file;
  std::string selected;
};

struct RunOutcome {
  RunId run;
  pipeline::RunState state;
};

// One run at a time; cancel() from any thread.
class Engine {
 public:
  // References outlive the engine.
  Engine(metadata::Store& store, const objects::ArtifactStore& artifacts, Runner& runner, EngineOptions options);
  ~Engine();

  // Until the run has ended. Errors before anything was written: unsupported (a step that the runner cannot execute).
  // Errors after: the run is left as it is and can be resumed.
  Result<RunOutcome> run(RunRequest request, RunObserver& observer);
  // A run whose engine died goes on; of one that failed or was cancelled, what did not succeed runs again. conflict: it
  // is running. already_exists: it has succeeded.
  Result<RunOutcome> resume(const RunId& run, RunObserver& observer);
  // Thread-safe, before a run too: it is then cancelled as soon as it starts.
  void cancel(bool at_once);

 private:
  struct Prepared;
  Result<RunOutcome> drive(Prepared prepared, RunObserver& observer);
  Result<void> check_supported(const pipeline::Document& document) const;
  int slots() const;

  metadata::Store& store_;
  const objects::ArtifactStore& artifacts_;
  Runner& runner_;
  const EngineOptions options_;
  std::mutex mutex_;
  class RunLoop* loop_ = nullptr;  // guarded by mutex_
  int cancels_ = 0;                // guarded by mutex_
};

// YYYYMMDD-HHMMSS-xxxx in UTC; `random` gives the last part.
RunId make_run_id(WallTime now, const std::function<double()>& random);

}  // namespace stoker::engine
