// StepCache: finds the remembered result of a step, and remembers new ones.
//
// A hit has the same static key (pipeline/run/cache_key.h), files and environment variables that the step was seen to
// read as they were, and artifacts that are still there. It starts nothing and reads no content but of files that
// changed.
#pragma once

#include <optional>
#include <string>

#include "engine/runner.h"
#include "metadata/store.h"
#include "objects/artifact_store.h"
#include "pipeline/run/cache_key.h"
#include "runtime/process/process.h"
#include "runtime/stop.h"

namespace stoker::engine {

// More bytes to hash than this do not belong on the run loop's thread.
inline constexpr std::uint64_t kQuickHashBytes = 8 * 1024 * 1024;
inline constexpr std::size_t kMaximumDirectoryFiles = 100'000;

struct StepCacheOptions {
  const Clock* clock = nullptr;
  bool read = true;  // --no-cache looks nothing up, and still remembers
  bool write = true;
  json::object facts;                // of the machine, part of each key
  runtime::Environment environment;  // that steps get, beside their own
};

// What an input file or folder was, so that a change while the step ran is seen.
struct InputStamp {
  std::string path;
  std::string stamp;
};

// Thread-safe.
class StepCache {
 public:
  struct Query {
    RunId run;
    metadata::Epoch epoch = 0;
    PipelineName pipeline;
    StepPath path;
    pipeline::ResolvedStep step;
  };
  struct Answer {
    pipeline::StepResultPtr hit;            // null: a miss
    std::optional<pipeline::CacheKey> key;  // none: not cacheable
    json::object info;                      // {"hit","key","why",…}: why, for the row and the event
    std::vector<InputStamp> inputs;         // as they were before their content was read for the key
  };

  StepCache(metadata::Store& store, const objects::ArtifactStore& artifacts, StepCacheOptions options)
      : store_(store), artifacts_(artifacts), options_(std::move(options)) {}

  // The answer waits for much hashing: not on the run loop's thread.
  bool is_slow(const pipeline::ResolvedStep& step);
  // The key alone, without reading any content: what single flight compares. None: not cacheable, or slow.
  Answer look_up(const Query& query, const runtime::StopToken& stop = {});
  // What to remember of a success; `answer` has a key. None: not cacheable; `info` then says why.
  std::optional<metadata::CacheEntry> entry(const Query& query, const Answer& answer,
                                            const pipeline::StepResult& result, const Observed& observed, int attempt,
                                            json::object& info) const;

  // "sha256:…" of a file or a directory's files and names, remembered by the store as long as the file's stamp is the
  // same.
  std::optional<std::string> digest_of(const std::string& path, const runtime::StopToken& stop = {});

 private:
  std::optional<std::string> file_digest(const std::string& path, const runtime::StopToken& stop);
  std::optional<std::string> first_change(const json::value& observed, const pipeline::Step& step);
  std::optional<std::string> variable_digest(const pipeline::Step& step, const std::string& name) const;
  // The first output whose artifact is no longer as it was made, and what happened to it.
  std::optional<std::string> lost_artifact(const json::value& outputs) const;
  std::string why_missed(const Query& query, const pipeline::CacheKey& key, std::string reason);

  metadata::Store& store_;
  const objects::ArtifactStore& artifacts_;
  const StepCacheOptions options_;
};

}  // namespace stoker::engine
