// ArtifactStore: where artifacts are kept. An artifact is a folder (or a prefix) with content and a manifest, written
// last: it exists when its manifest does, so no store needs a rename, and the same rule serves S3.
#pragma once

#include <filesystem>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "objects/manifest.h"
#include "runtime/stop.h"

namespace stoker::objects {

// How closely an artifact is looked at.
enum class Check {
  manifest,  // the manifest reads
  files,     // each of its files is there and has its size: no content is read
  content,   // every hashed file has its digest, and the artifact too
};

// Where an output of an attempt goes.
struct ArtifactAddress {
  PipelineName pipeline;
  RunId run;
  StepPath step;
  int attempt = 0;
  std::string output;
};

// Thread-safe. Errors name the artifact: not_found (never published, or deleted), corrupt (says which file and how),
// newer_version.
class ArtifactStore {
 public:
  virtual ~ArtifactStore() = default;

  virtual std::string uri(const ArtifactAddress& address) const = 0;
  virtual Result<Manifest> open(const std::string& uri, Check check) const = 0;
  // For what the engine itself publishes (a file that a command wrote): copies the file or folder to `data/<name>` of
  // the artifact at `uri` and writes the manifest last. `draft` has type, class and creator; the rest is found out.
  // What a dead attempt left at `uri` is removed first.
  virtual Result<Manifest> publish_copy(const std::string& uri, const std::filesystem::path& source, Manifest draft,
                                        const runtime::StopToken& stop) = 0;
  // The manifest first: a deletion that was cut off leaves rubbish, never half an artifact. Nothing there is success.
  virtual Result<void> remove(const std::string& uri) = 0;
};

}  // namespace stoker::objects
