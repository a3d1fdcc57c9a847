// The rows of the store as plain data. The states of steps and attempts are texts that the run machine owns: the store
// keeps them and never reads them. JSON that is null is stored as SQL NULL and comes back as null.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "codec/json.h"
#include "pipeline/run/run_state.h"

namespace stoker::metadata {

// `running` says what was last written: a run that is running while nobody holds its lock is interrupted (run_lock.h).
using pipeline::parse_run_state;
using pipeline::run_state_name;
using pipeline::RunState;

// Who writes a run: each take-over raises the epoch, and a write with an older one is refused.
using Epoch = std::int64_t;

struct RunRow {
  RunId id;
  PipelineName pipeline;
  std::string experiment;
  RunState state = RunState::running;
  json::value parameters;
  std::string document_digest;
  json::value document;  // stored once for all runs that have the same digest
  std::string project_root;
  std::string interpreter;
  WallTime created{};
  std::optional<WallTime> started;
  std::optional<WallTime> finished;
  Epoch epoch = 0;
  std::string owner;  // for people: pid, host and program version of the engine
  int machine_version = 0;
  json::value machine_state;  // opaque
  json::value outputs;
  std::string error;
  std::optional<WallTime> cancel_requested;
  json::value extra;  // opaque: what the engine wants to find again (options of the command line, …)
};

// What a list shows of a run: no document, no JSON.
struct RunSummary {
  RunId id;
  PipelineName pipeline;
  std::string experiment;
  RunState state = RunState::running;
  WallTime created{};
  std::optional<WallTime> started;
  std::optional<WallTime> finished;
  std::string error;
  std::int64_t steps = 0;
  std::int64_t steps_cached = 0;
  std::map<std::string, std::int64_t> steps_by_state;
};

struct StepRow {
  StepPath path;
  StepName name;
  std::string state;
  int attempts = 0;
  bool cached = false;
  std::string cache_key;  // empty: not cacheable, or not known yet
  json::value cache;      // opaque: the key's parts and why it hit or missed
  json::value inputs;
  json::value outputs;  // the artifacts that it names (at any depth) are kept by gc for as long as the run is
  json::value metrics;
  std::string error_class;
  std::string error_message;
  json::value error;   // the rest: type, traceback, file, line
  std::string reason;  // why it was skipped
  std::optional<WallTime> started;
  std::optional<WallTime> finished;
  std::int64_t cpu_ms = 0;
  std::int64_t peak_rss_bytes = 0;
  std::string logs;  // folder of the last attempt
  int machine_version = 0;
  json::value machine_state;  // opaque
};

struct AttemptRow {
  StepPath path;
  int attempt = 0;
  std::string state;
  std::int64_t pid = 0;
  std::int64_t pid_start_time = 0;  // with the boot id it tells a process from a later one with the same pid
  std::string boot_id;
  std::string failure_class;
  std::string error_message;
  std::optional<WallTime> started;
  std::optional<WallTime> finished;
  std::int64_t cpu_ms = 0;
  std::int64_t peak_rss_bytes = 0;
  std::string logs;
  json::value extra;  // opaque
};

// `seq` is given by the engine: 1, 2, 3, … without gaps in a run.
struct EventRow {
  std::int64_t seq = 0;
  WallTime time{};
  std::string type;
  json::value payload;
};

// One remembered result. A static key may have several entries that differ in what the step was seen to read while it
// ran (`variant` is the digest of `observed`), so that going back to an earlier helper module hits again.
struct CacheEntry {
  std::string key;
  std::string variant;
  PipelineName pipeline;
  StepName step;
  StepPath path;
  RunId run;  // that made it
  int attempt = 0;
  json::value outputs;
  json::value metrics;
  json::value parts;     // what the key was made of, for `explain`
  json::value observed;  // files read and modules imported, with digests
  WallTime created{};
  std::optional<WallTime> last_hit;
  std::int64_t hits = 0;
};

struct ArtifactRow {
  RunId run;
  StepPath path;
  int attempt = 0;
  std::string output;
  PipelineName pipeline;
  std::string uri;  // its folder
  std::string type;
  std::string materializer;
  std::string digest;
  std::string identity;
  std::int64_t bytes = 0;
  std::optional<std::int64_t> rows;
  WallTime created{};
};

// The change of a run's row; what is not set stays.
struct RunUpdate {
  std::optional<RunState> state;
  std::optional<WallTime> started;
  std::optional<WallTime> finished;
  std::optional<json::value> outputs;
  std::optional<std::string> error;
  std::optional<int> machine_version;
  std::optional<json::value> machine_state;
};

// What a commit survives. Every commit survives the death of the process. `power_loss` also waits for the disk, and
// makes every earlier commit as safe; see README.md for which writes need it.
enum class Durability { process_kill, power_loss };

// One transaction of a run: all of it or nothing. Rows replace the rows of the same key.
struct Batch {
  std::vector<EventRow> events;
  std::vector<StepRow> steps;
  std::vector<AttemptRow> attempts;
  std::optional<RunUpdate> run;
  std::vector<CacheEntry> cache_entries;
  std::vector<ArtifactRow> artifacts;
  Durability durability = Durability::process_kill;
};

}  // namespace stoker::metadata
