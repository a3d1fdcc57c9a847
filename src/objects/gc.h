// gc: deletes runs that the policy lets go, and every folder of artifacts that no kept run and no cache entry uses.
// Safe beside running engines.
//
// The order makes it so. Folders are listed first: whoever owns one of them had its row before. One transaction then
// deletes rows and reads what is needed; a cache entry that is left can be claimed afterwards, and its artifacts are
// among the needed. Only then are folders deleted, never those of a run that is running, and those of an ended run
// under its lock, which keeps `resume` out. What a crash leaves over is found by the next gc.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "metadata/retention.h"
#include "metadata/store.h"

namespace stoker::objects {

struct GcOptions {
  metadata::RetentionPolicy policy;
  bool dry_run = false;
};

struct GcReport {
  std::vector<RunId> runs;
  std::int64_t cache_entries = 0;
  std::vector<std::string> folders;  // of artifacts, or of attempts that left none
  std::int64_t artifacts = 0;
  std::uint64_t bytes = 0;
};

Result<GcReport> collect_garbage(metadata::Store& store, const GcOptions& options, WallTime now);

// Rows and folder (logs, attempts) of one run. Its artifacts stay until gc finds that nothing uses them. conflict: it
// is running.
Result<void> delete_run(metadata::Store& store, const RunId& run);

}  // namespace stoker::objects
