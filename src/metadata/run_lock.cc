#include "metadata/run_lock.h"

#include <fmt/format.h>

#include <system_error>

#include "runtime/file.h"

namespace stoker::metadata {

namespace {

constexpr const char* kRunsFolder = "runs";
constexpr const char* kLockFile = "lock";
constexpr int kFolderAttempts = 100;
}  // namespace

std::filesystem::path run_folder(const std::filesystem::path& store, const RunId& run) {
  return store / kRunsFolder / run.str();
}

Result<std::optional<RunLock>> RunLock::try_acquire(const std::filesystem::path& store, const RunId& run) {
  for (int attempt = 1;; ++attempt) {
    TRY(runtime::make_directories(run_folder(store, run)));
    auto lock = FileLock::try_acquire(run_folder(store, run) / kLockFile);
    // gc may remove a folder that has no run yet between making and locking it.
    if (!lock.ok() && lock.error().code == ErrorCode::not_found && attempt < kFolderAttempts) continue;
    if (!lock.ok()) return std::move(lock).error();
    if (!*lock) return std::optional<RunLock>();
    return std::optional<RunLock>(RunLock(run, std::move(**lock)));
  }
}

Result<bool> is_owned(const std::filesystem::path& store, const RunId& run) {
  return FileLock::is_locked(run_folder(store, run) / kLockFile);
}

Result<std::vector<RunId>> owned_runs(const std::filesystem::path& store) {
  std::vector<RunId> owned;
  std::error_code failure;
  std::filesystem::directory_iterator folders(store / kRunsFolder, failure);
  if (failure == std::errc::no_such_file_or_directory) return owned;
  for (; !failure && folders != std::filesystem::directory_iterator(); folders.increment(failure)) {
    RunId run(folders->path().filename().string());
    TRY_ASSIGN(const bool locked, is_owned(store, run));
    if (locked) owned.push_back(std::move(run));
  }
  if (failure) return system_error(fmt::format("cannot list {}", (store / kRunsFolder).string()), failure.value());
  return owned;
}

}  // namespace stoker::metadata
