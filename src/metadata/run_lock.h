// RunLock: the proof that this process is the one engine of a run. Held for as long as the engine lives; the kernel
// frees it on death, so ownership needs no heartbeat and no clock.
//
// Take-over of a dead run: acquire the lock (nobody can hold it twice), then Store::take_over raises the epoch, so that
// a write that a dead or stopped engine had still under way is refused; then read the rows and go on. A new run:
// acquire, then Store::create_run.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "metadata/file_lock.h"

namespace stoker::metadata {

// <store>/runs/<run>
std::filesystem::path run_folder(const std::filesystem::path& store, const RunId& run);

class RunLock {
 public:
  // Makes the run's folder when it is missing. Empty: another process (or this one) runs it.
  static Result<std::optional<RunLock>> try_acquire(const std::filesystem::path& store, const RunId& run);
  const RunId& run() const { return run_; }

 private:
  RunLock(RunId run, FileLock lock) : run_(std::move(run)), lock_(std::move(lock)) {}
  RunId run_;
  FileLock lock_;
};

// Is an engine alive? Never disturbs one that is starting.
Result<bool> is_owned(const std::filesystem::path& store, const RunId& run);
// Every run that has a live engine.
Result<std::vector<RunId>> owned_runs(const std::filesystem::path& store);

}  // namespace stoker::metadata
