// Artifacts in folders of the store: <store>/artifacts/<pipeline>/<run>/<step path>/<attempt>/<output>/.
#pragma once

#include "objects/artifact_store.h"

namespace stoker::objects {

inline constexpr const char* kArtifactsFolder = "artifacts";
// Content below this is hashed when it is published, so that its identity is its digest (PIPELINES.md, "Artifacts").
inline constexpr std::uint64_t kHashedBytes = std::uint64_t{1} << 30;

class LocalArtifactStore final : public ArtifactStore {
 public:
  explicit LocalArtifactStore(const std::filesystem::path& store);

  // The folder of all artifacts.
  const std::filesystem::path& root() const { return root_; }

  std::string uri(const ArtifactAddress& address) const override;
  Result<Manifest> open(const std::string& uri, Check check) const override;
  Result<Manifest> publish_copy(const std::string& uri, const std::filesystem::path& source, Manifest draft,
                                const runtime::StopToken& stop) override;
  Result<void> remove(const std::string& uri) override;

 private:
  const std::filesystem::path root_;
};

}  // namespace stoker::objects
