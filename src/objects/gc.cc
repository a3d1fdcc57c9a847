#include "objects/gc.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>

#include "metadata/run_lock.h"
#include "objects/local_artifact_store.h"
#include "runtime/file.h"

namespace stoker::objects {

namespace {

namespace fs = std::filesystem;
using metadata::Needed;
using metadata::RunLock;

// Locks held at once are open files.
constexpr std::size_t kRunsAtOnce = 100;

Result<std::vector<fs::path>> folders_in(const fs::path& parent) {
  std::vector<fs::path> folders;
  std::error_code failure;
  fs::directory_iterator entries(parent, failure);
  if (failure == std::errc::no_such_file_or_directory) return folders;
  for (; !failure && entries != fs::directory_iterator(); entries.increment(failure)) {
    std::error_code ignored;
    if (entries->is_directory(ignored) && !entries->is_symlink(ignored)) folders.push_back(entries->path());
  }
  if (failure) return system_error(fmt::format("cannot list {}", parent.string()), failure.value());
  std::sort(folders.begin(), folders.end());
  return folders;
}

struct DiskState {
  std::vector<fs::path> artifact_runs;  // artifacts/<pipeline>/<run>
  std::vector<fs::path> run_folders;    // runs/<run>
};

Result<DiskState> look_at_disk(const fs::path& store) {
  DiskState disk;
  TRY_ASSIGN(const auto pipelines, folders_in(store / kArtifactsFolder));
  for (const auto& pipeline : pipelines) {
    TRY_ASSIGN(auto runs, folders_in(pipeline));
    disk.artifact_runs.insert(disk.artifact_runs.end(), runs.begin(), runs.end());
  }
  TRY_ASSIGN(disk.run_folders, folders_in(metadata::run_folder(store, RunId("x")).parent_path()));
  return disk;
}

// The needed artifacts as paths below artifacts/. A store that was moved, or is reached through a link, has uris with
// another beginning: everything after an "/artifacts/" counts, and too much kept is harmless.
std::set<std::string> relative_paths(const std::set<std::string>& uris) {
  const std::string mark = std::string("/") + kArtifactsFolder + "/";
  std::set<std::string> paths;
  for (const auto& uri : uris) {
    const auto path = fs::path(uri).lexically_normal().generic_string();
    for (auto at = path.find(mark); at != std::string::npos; at = path.find(mark, at + 1)) {
      auto inner = path.substr(at + mark.size());
      while (inner.ends_with('/'))
        inner.pop_back();
      paths.insert(std::move(inner));
    }
  }
  return paths;
}

// Adds the greatest folders at or below `folder` in which nothing is needed.
Result<void> find_unneeded(const fs::path& root, const fs::path& folder, const std::set<std::string>& needed,
                           std::vector<fs::path>& unneeded) {
  const auto path = folder.lexically_relative(root).generic_string();
  if (needed.contains(path)) return {};
  const auto below = path + "/";
  const auto first = needed.lower_bound(below);
  if (first == needed.end() || !first->starts_with(below)) {
    unneeded.push_back(folder);
    return {};
  }
  TRY_ASSIGN(const auto children, folders_in(folder));
  for (const auto& child : children)
    TRY(find_unneeded(root, child, needed, unneeded));
  return {};
}

// Counts what is below, and deletes it: manifests before content, so that no half artifact is ever to be seen.
Result<void> sweep(const fs::path& folder, bool dry_run, GcReport& report) {
  std::vector<fs::path> manifests;
  std::error_code failure;
  fs::recursive_directory_iterator entries(folder, failure);
  for (; !failure && entries != fs::recursive_directory_iterator(); entries.increment(failure)) {
    std::error_code ignored;
    if (entries->is_symlink(ignored) || !entries->is_regular_file(ignored)) continue;
    const auto size = entries->file_size(ignored);
    if (!ignored) report.bytes += size;
    if (entries->path().filename() == kManifestFile) manifests.push_back(entries->path());
  }
  if (failure && failure != std::errc::no_such_file_or_directory) {
    return system_error(fmt::format("cannot list {}", folder.string()), failure.value());
  }
  report.artifacts += static_cast<std::int64_t>(manifests.size());
  report.folders.push_back(folder.string());
  if (dry_run) return {};
  for (const auto& manifest : manifests) {
    fs::remove(manifest, failure);
    if (failure) return system_error(fmt::format("cannot delete {}", manifest.string()), failure.value());
  }
  return runtime::remove_tree(folder);
}

// Still ended, and untouched since the transaction that said what is needed.
Result<bool> still_ended(metadata::Store& store, const RunId& run, const Needed::Run& seen) {
  const auto now = store.load_run(run);
  if (!now.ok()) {
    if (now.error().code == ErrorCode::not_found) return true;
    return now.error();
  }
  return now->state != metadata::RunState::running && now->epoch == seen.epoch;
}

Result<void> sweep_artifacts_of(metadata::Store& store, const fs::path& folder, const Needed& needed,
                                const std::set<std::string>& paths, bool dry_run, GcReport& report) {
  const RunId run(folder.filename().string());
  const auto row = needed.runs.find(run);
  const bool known = row != needed.runs.end();
  if (known && row->second.state == metadata::RunState::running) return {};
  std::vector<fs::path> unneeded;
  TRY(find_unneeded(store.folder() / kArtifactsFolder, folder, paths, unneeded));
  if (unneeded.empty()) return {};
  std::optional<RunLock> lock;
  if (known && !dry_run) {
    TRY_ASSIGN(lock, RunLock::try_acquire(store.folder(), run));
    if (!lock) return {};
    TRY_ASSIGN(const bool ended, still_ended(store, run, row->second));
    if (!ended) return {};
  }
  for (const auto& unneeded_folder : unneeded)
    TRY(sweep(unneeded_folder, dry_run, report));
  return {};
}

// Deletes the planned runs some at a time; what is needed is as of the last transaction.
Result<Needed> delete_planned(metadata::Store& store, const metadata::RetentionPlan& plan, GcReport& report) {
  Needed needed;
  std::size_t next = 0;
  do {
    metadata::RetentionPlan part;
    if (next == 0) part.cache = plan.cache;
    std::vector<RunLock> locks;
    for (; next < plan.runs.size() && locks.size() < kRunsAtOnce; ++next) {
      TRY_ASSIGN(auto lock, RunLock::try_acquire(store.folder(), plan.runs[next]));
      if (!lock) continue;
      part.runs.push_back(plan.runs[next]);
      locks.push_back(std::move(*lock));
    }
    TRY_ASSIGN(needed, store.apply_retention(part, /*dry_run=*/false));
    report.cache_entries += needed.cache_entries_deleted;
    for (const auto& run : part.runs) {
      TRY(runtime::remove_tree(metadata::run_folder(store.folder(), run)));
      report.runs.push_back(run);
    }
  } while (next < plan.runs.size());
  return needed;
}

// What a gc that was cut off has left: a folder without a row, in which nobody is about to start a run.
Result<void> sweep_run_folder(metadata::Store& store, const fs::path& folder) {
  const RunId run(folder.filename().string());
  TRY_ASSIGN(const auto lock, RunLock::try_acquire(store.folder(), run));
  if (!lock) return {};
  const auto row = store.load_run(run);
  if (!row.ok() && row.error().code == ErrorCode::not_found) return runtime::remove_tree(folder);
  return {};
}

}  // namespace

Result<GcReport> collect_garbage(metadata::Store& store, const GcOptions& options, WallTime now) {
  TRY_ASSIGN(const auto disk, look_at_disk(store.folder()));
  TRY_ASSIGN(const auto owned, metadata::owned_runs(store.folder()));
  TRY_ASSIGN(const auto facts, store.retention_facts());
  const auto plan = metadata::plan_retention(facts, {owned.begin(), owned.end()}, options.policy, now);

  GcReport report;
  Needed needed;
  if (options.dry_run) {
    TRY_ASSIGN(needed, store.apply_retention(plan, /*dry_run=*/true));
    report.runs = plan.runs;
    report.cache_entries = needed.cache_entries_deleted;
  } else {
    TRY_ASSIGN(needed, delete_planned(store, plan, report));
  }
  const auto paths = relative_paths(needed.artifacts);
  for (const auto& folder : disk.artifact_runs) {
    TRY(sweep_artifacts_of(store, folder, needed, paths, options.dry_run, report));
  }
  if (!options.dry_run) {
    for (const auto& folder : disk.run_folders) {
      if (!needed.runs.contains(RunId(folder.filename().string())) && fs::exists(folder))
        TRY(sweep_run_folder(store, folder));
    }
  }
  return report;
}

Result<void> delete_run(metadata::Store& store, const RunId& run) {
  TRY(store.load_run(run));
  TRY_ASSIGN(const auto lock, RunLock::try_acquire(store.folder(), run));
  if (!lock) {
    return Error{.code = ErrorCode::conflict,
                 .message = fmt::format("the run {} is running", run.str()),
                 .hint = fmt::format("`stoker runs cancel {}` first", run.str())};
  }
  TRY(store.delete_run(run));
  return runtime::remove_tree(metadata::run_folder(store.folder(), run));
}

}  // namespace stoker::objects
