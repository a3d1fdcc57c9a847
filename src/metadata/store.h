// Store: the runs, steps, events, cache and artifacts of one store folder, in SQLite. The only door to them, and this
// folder the only home of SQL.
//
// Thread-safe. Reads go through a few connections of their own and never wait for a writer. Writes go to one thread,
// which joins what waits into one transaction; several processes share a store, each with its own Store. A Store must
// not be used in a child after fork().
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "metadata/retention.h"
#include "metadata/rows.h"
#include "runtime/file.h"

namespace stoker::metadata {

inline constexpr std::string_view kDatabaseFile = "stoker.db";
// How long a write waits for the writers of other processes.
inline constexpr std::chrono::milliseconds kBusyTimeout{30'000};
inline constexpr std::size_t kMaximumQueuedWrites = 4096;
// Entries kept for one static cache key; the oldest goes first.
inline constexpr int kMaximumCacheVariants = 16;
// Digests of files remembered; the oldest goes first.
inline constexpr int kMaximumDigests = 100'000;
inline constexpr int kDefaultListLimit = 50;
inline constexpr int kDefaultEventLimit = 1000;

struct StoreOptions {
  bool create = true;      // the folder and the database, when missing
  bool read_only = false;  // never writes: also for a folder that may not be written
  std::chrono::milliseconds busy_timeout = kBusyTimeout;
};

struct RunFilter {
  std::string pipeline;    // empty: all
  std::string experiment;  // empty: all
  std::optional<RunState> state;
  std::optional<WallTime> created_after;
  std::string id_prefix;
  std::optional<RunId> older_than;  // the last of the page before
  int limit = kDefaultListLimit;    // 0: all
  bool count_steps = false;
};

struct CacheFilter {
  std::string key;       // a unique prefix will do
  std::string pipeline;  // empty: all
  std::string step;
  int limit = 0;  // 0: all
};

struct ArtifactFilter {
  std::optional<RunId> run;
  std::string pipeline;
  std::string step;
  std::string type;
  int limit = kDefaultListLimit;
};

struct DigestNote {
  runtime::FileStamp stamp;
  std::string digest;
};

// What must not be deleted, as it stood in the transaction of apply_retention.
struct Needed {
  std::set<std::string> artifacts;  // uris that a run or a cache entry uses
  struct Run {
    RunState state = RunState::running;
    Epoch epoch = 0;
  };
  std::map<RunId, Run> runs;
  std::int64_t runs_deleted = 0;
  std::int64_t cache_entries_deleted = 0;
};

class Store {
 public:
  // `folder` is the store's (.stoker). Errors: not_found (nothing there and no `create`), newer_version, corrupt,
  // permission, disk_full, unsupported (a network file system), conflict (an older program runs a run of a store that
  // must be migrated).
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& folder, const StoreOptions& options = {});
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  const std::filesystem::path& folder() const;
  // For `doctor`: reads every page. Empty when all is sound, else what is wrong.
  Result<std::string> check_integrity();

  // --- runs, the engine's side ---------------------------------------------------------------------------------------
  // Writes the row with epoch 1 and gives that. already_exists: draw another id.
  Result<Epoch> create_run(const RunRow& run);
  // Raises the epoch, sets state running and forgets a cancel request, so that every write of the engine before is
  // refused. The caller holds the run's lock.
  Result<Epoch> take_over(const RunId& run, const std::string& owner);
  // Durable as the batch asks when it returns. conflict: the epoch is not the run's (another engine has taken it over,
  // or the run was deleted): stop. disk_full: nothing was written, the store is as before and may be used again.
  Result<void> commit(const RunId& run, Epoch epoch, Batch batch);
  // `done` is called on the writer's thread, in the order of the calls of one thread; it must not block. Waits only
  // while the queue is full.
  void commit_async(const RunId& run, Epoch epoch, Batch batch, std::function<void(Result<void>)> done);

  // --- runs, everybody's side ----------------------------------------------------------------------------------------
  Result<RunRow> load_run(const RunId& run);
  Result<std::vector<StepRow>> load_steps(const RunId& run);
  // In order of path, one at a time, for graphs that should not be in memory at once.
  Result<void> for_each_step(const RunId& run, const std::function<void(StepRow)>& visit);
  Result<StepRow> load_step(const RunId& run, const StepPath& path);
  Result<std::vector<AttemptRow>> load_attempts(const RunId& run);
  // Events with seq >= from_seq, in order.
  Result<std::vector<EventRow>> events(const RunId& run, std::int64_t from_seq = 1, int limit = kDefaultEventLimit);
  Result<std::int64_t> last_event(const RunId& run);  // 0: none
  // Newest first.
  Result<std::vector<RunSummary>> list_runs(const RunFilter& filter = {});
  // A whole id, a unique prefix or suffix of one, or `latest`. not_found, or invalid_value when several match.
  Result<RunId> find_run(const std::string& text);
  // The rows of the run; its artifacts stay until gc finds that nothing needs them. The caller holds the run's lock and
  // removes its folder.
  Result<void> delete_run(const RunId& run);
  // For a run whose lock nobody holds; false when the run had ended.
  Result<bool> request_cancel(const RunId& run, WallTime now);

  // --- cache ---------------------------------------------------------------------------------------------------------
  // Entries of the key, newest first, not older than `not_before`.
  Result<std::vector<CacheEntry>> find_cached(const std::string& key,
                                              std::optional<WallTime> not_before = std::nullopt);
  // Before the outputs of an entry are used: records the hit and, in the same transaction, that `run` uses its
  // artifacts, so that no gc takes them. false: the entry is gone meanwhile, treat it as a miss.
  Result<bool> claim_cached(const CacheEntry& entry, const RunId& run, Epoch epoch, WallTime now);
  Result<void> put_cached(const CacheEntry& entry);
  // Newest first.
  Result<std::vector<CacheEntry>> list_cached(const CacheFilter& filter = {});
  // The newest entry of a step, whose `parts` tell why a new key differs.
  Result<std::optional<CacheEntry>> last_cached(const PipelineName& pipeline, const StepPath& path);
  // How many entries went. An empty filter means all.
  Result<std::int64_t> invalidate_cached(const CacheFilter& filter);

  // --- artifacts -----------------------------------------------------------------------------------------------------
  // Newest first.
  Result<std::vector<ArtifactRow>> list_artifacts(const ArtifactFilter& filter = {});
  Result<std::optional<ArtifactRow>> find_artifact(const std::string& uri);

  // --- digests of files ----------------------------------------------------------------------------------------------
  // The digest noted for a file that had exactly this stamp.
  Result<std::optional<std::string>> find_digest(const runtime::FileStamp& stamp);
  // Files hashed at `hashed_at`, whose stamps were the same before and after. One that had changed so shortly before
  // that a further change could hide behind the same stamp is not noted.
  Result<void> note_digests(std::span<const DigestNote> notes, WallTime hashed_at);

  // --- gc (objects/gc.h carries it out) ------------------------------------------------------------------------------
  Result<RetentionFacts> retention_facts();
  // In one transaction: deletes the planned runs (the caller holds their locks) and the planned cache entries that were
  // not hit since, then the rows of artifacts that nothing uses, and says what is left. A dry run is the same
  // transaction, rolled back.
  Result<Needed> apply_retention(const RetentionPlan& plan, bool dry_run);

 private:
  struct Parts;
  explicit Store(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace stoker::metadata
