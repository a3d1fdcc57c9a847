#include "objects/local_artifact_store.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "runtime/file.h"

namespace stoker::objects {

namespace {

namespace fs = std::filesystem;

constexpr const char* kDataFolder = "data";
constexpr const char* kRunAgain = "delete it with `stoker cache invalidate` and run the step again";

Error missing(const fs::path& folder) {
  return Error{.code = ErrorCode::not_found,
               .message = fmt::format("there is no artifact at {}", folder.string()),
               .hint = "it was deleted or never finished; run the step that makes it again"};
}

Error damaged(const fs::path& folder, std::string_view file, std::string_view what) {
  return Error{.code = ErrorCode::corrupt,
               .message = fmt::format("the artifact {} is damaged: {} {}", folder.string(), file, what),
               .hint = kRunAgain};
}

Result<void> check_size(const fs::path& folder, const ManifestFile& file) {
  struct stat status{};
  if (stat((folder / file.path).c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return damaged(folder, file.path, "is missing");
    return system_error(fmt::format("the artifact {}: {}", folder.string(), file.path), errno);
  }
  if (!S_ISREG(status.st_mode)) return damaged(folder, file.path, "is not a file");
  if (static_cast<std::uint64_t>(status.st_size) != file.size) {
    return damaged(folder, file.path, fmt::format("has {} bytes instead of {}", status.st_size, file.size));
  }
  return {};
}

Result<void> check_content(const fs::path& folder, const ManifestFile& file) {
  if (file.sha256.empty()) return {};
  TRY_ASSIGN(const auto digest, runtime::hash_file(folder / file.path));
  if (digest.hex != file.sha256) return damaged(folder, file.path, "has other content than when it was published");
  return {};
}

// Regular files below `folder`, sorted, with sizes; `bytes` is their sum.
Result<std::vector<ManifestFile>> list_files(const fs::path& folder, std::uint64_t& bytes) {
  std::vector<ManifestFile> files;
  std::error_code failure;
  fs::recursive_directory_iterator entries(folder, failure);
  for (; !failure && entries != fs::recursive_directory_iterator(); entries.increment(failure)) {
    if (!entries->is_regular_file(failure)) continue;
    ManifestFile file{.path = entries->path().lexically_relative(folder).generic_string(),
                      .size = entries->file_size(failure)};
    bytes += file.size;
    files.push_back(std::move(file));
  }
  if (failure) return system_error(fmt::format("cannot list {}", folder.string()), failure.value());
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

// Gives the name that the copy has in `data`.
Result<std::string> copy_into(const fs::path& source, const fs::path& folder) {
  TRY(runtime::make_directories(folder / kDataFolder));
  std::error_code failure;
  auto name = source.filename();
  if (name.empty()) name = source.parent_path().filename();
  fs::copy(source, folder / kDataFolder / name, fs::copy_options::recursive, failure);
  if (failure)
    return system_error(fmt::format("cannot copy {} to {}", source.string(), folder.string()), failure.value());
  return name.string();
}

}  // namespace

LocalArtifactStore::LocalArtifactStore(const fs::path& store) : root_(store / kArtifactsFolder) {}

std::string LocalArtifactStore::uri(const ArtifactAddress& address) const {
  return (root_ / address.pipeline.str() / address.run.str() / address.step.str() / std::to_string(address.attempt) /
          address.output)
      .string();
}

Result<Manifest> LocalArtifactStore::open(const std::string& uri, Check check) const {
  const fs::path folder(uri);
  auto text = runtime::read_file(folder / kManifestFile, kMaximumManifestBytes);
  if (!text.ok()) {
    if (text.error().code == ErrorCode::not_found) return missing(folder);
    return std::move(text).error().with_context("an artifact");
  }
  auto manifest = parse_manifest(*text);
  if (!manifest.ok()) {
    auto error = std::move(manifest).error().with_context(fmt::format("the artifact {}", folder.string()));
    if (error.hint.empty()) error.hint = kRunAgain;
    return error;
  }
  if (check == Check::manifest) return manifest;
  for (const auto& file : manifest->files)
    TRY(check_size(folder, file));
  if (check == Check::files) return manifest;
  for (const auto& file : manifest->files)
    TRY(check_content(folder, file));
  if (content_digest(*manifest) != manifest->digest)
    return damaged(folder, kManifestFile, "does not have the digest of its content");
  return manifest;
}

Result<Manifest> LocalArtifactStore::publish_copy(const std::string& uri, const fs::path& source, Manifest draft,
                                                  const runtime::StopToken& stop) {
  const fs::path folder(uri);
  TRY(remove(uri));
  TRY(runtime::make_directories(folder));
  TRY_ASSIGN(auto name, copy_into(source, folder));
  // How the SDK's file and directory types find it again.
  if (!draft.details) draft.details = json::object{{"name", name}};
  draft.bytes = 0;
  TRY_ASSIGN(draft.files, list_files(folder, draft.bytes));
  const bool hashed = draft.bytes < kHashedBytes;
  for (auto& file : draft.files) {
    if (!hashed) break;
    TRY_ASSIGN(auto digest, runtime::hash_file(folder / file.path, stop));
    file.sha256 = std::move(digest.hex);
  }
  draft.digest = content_digest(draft);
  const auto& by = draft.created_by;
  draft.identity = hashed ? draft.digest : fmt::format("{}/{}/{}/{}", by.run, by.step, by.attempt, by.output);
  // A manifest that is there after a power cut must not speak of files that are not.
  TRY(runtime::sync_tree(folder));
  TRY(runtime::write_file_atomically(folder / kManifestFile, codec::write_json_pretty(manifest_to_json(draft)) + "\n"));
  return draft;
}

Result<void> LocalArtifactStore::remove(const std::string& uri) {
  const fs::path folder(uri);
  const auto inside = folder.lexically_normal().lexically_relative(root_.lexically_normal());
  if (inside.empty() || *inside.begin() == ".." || *inside.begin() == ".") {
    return Error{.code = ErrorCode::invalid_value, .message = fmt::format("{} is no artifact of this store", uri)};
  }
  std::error_code failure;
  fs::remove(folder / kManifestFile, failure);
  if (failure && failure != std::errc::not_a_directory) {
    return system_error(fmt::format("cannot delete the artifact {}", folder.string()), failure.value());
  }
  return runtime::remove_tree(folder);
}

}  // namespace stoker::objects
