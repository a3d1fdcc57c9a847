#include "engine/local_artifact.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <vector>

#include "codec/sha256.h"
#include "runtime/file.h"

namespace stoker::engine {

namespace fs = std::filesystem;

namespace {

// Files and folders of more entries than this are data sets that belong into a table format.
constexpr std::size_t kMaximumFiles = 100'000;
constexpr std::size_t kPreviewNames = 50;

struct PublishedFile {
  std::string path;  // relative to the artifact, with `/`
  std::uint64_t size = 0;
  std::string sha256;
};

Result<PublishedFile> describe_file(const fs::path& file, const fs::path& folder, const runtime::StopToken& stop) {
  TRY_ASSIGN(auto digest, runtime::hash_file(file, stop));
  return PublishedFile{file.lexically_relative(folder).generic_string(), digest.bytes, digest.hex};
}

Result<std::vector<PublishedFile>> list_files(const fs::path& folder, const runtime::StopToken& stop) {
  std::vector<PublishedFile> files;
  std::error_code code;
  for (fs::recursive_directory_iterator it(folder / "data", code), end; it != end && !code; it.increment(code)) {
    if (!it->is_regular_file(code)) continue;
    if (files.size() == kMaximumFiles) {
      return Error{.code = ErrorCode::limit_exceeded,
                   .message = fmt::format("an output of more than {} files", kMaximumFiles)};
    }
    TRY_ASSIGN(auto file, describe_file(it->path(), folder, stop));
    files.push_back(std::move(file));
  }
  if (code) return system_error("list " + folder.string(), code.value());
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

// Section 7: the canonical JSON of what is no file, a newline, then a line for each file.
std::string digest_of(std::string_view artifact_class, const std::vector<PublishedFile>& files) {
  std::string text = codec::canonical_json({{"class", artifact_class}, {"details", json::object()}}) + "\n";
  for (const auto& file : files)
    text += fmt::format("{} {} {}\n", file.sha256, file.size, file.path);
  return "sha256:" + codec::sha256_hex(text);
}

Result<void> copy_into(const fs::path& source, const fs::path& target) {
  std::error_code code;
  // Links inside a folder are followed: the artifact must not depend on what lies outside it.
  fs::copy(source, target, fs::copy_options::recursive, code);
  if (code) return system_error("copy " + source.string() + " to the store", code.value());
  return {};
}

json::object make_manifest(const AttemptSpec& spec, const std::string& output, bool directory,
                           const std::vector<PublishedFile>& files, WallTime now) {
  const std::string_view artifact_class = directory ? kDirectoryClass : kFileClass;
  const std::string digest = digest_of(artifact_class, files);
  std::uint64_t bytes = 0;
  json::array listed;
  json::array names;
  for (const auto& file : files) {
    bytes += file.size;
    listed.push_back({{"path", file.path}, {"size", file.size}, {"sha256", file.sha256}});
    if (names.size() < kPreviewNames) names.push_back(json::string(file.path.substr(std::string_view("data/").size())));
  }
  json::object created{
      {"worker", "stoker/" STOKER_VERSION},
      {"project", spec.run->project},
      {"pipeline", spec.run->pipeline.str()},
      {"run", spec.id.run.str()},
      {"step", spec.id.step.str()},
      {"attempt", spec.id.attempt},
      {"output", output},
      {"time", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)))}};
  return {{"version", 1},
          {"type", directory ? "directory" : "file"},
          {"class", artifact_class},
          {"digest", digest},
          {"identity", digest},
          {"bytes", bytes},
          {"details", json::object()},
          {"preview", {{"kind", "files"}, {"names", names}}},
          {"files", listed},
          {"createdBy", created}};
}

}  // namespace

Result<json::object> publish_file(const fs::path& source, const std::string& output, const AttemptSpec& spec,
                                  WallTime now, const runtime::StopToken& stop) {
  std::error_code code;
  const bool directory = fs::is_directory(source, code);
  const fs::path folder = spec.artifacts_folder / output;
  fs::path name = source.filename();
  if (name.empty() || name == "." || name == "..") name = fs::weakly_canonical(source, code).filename();
  const fs::path target = folder / "data" / name;
  TRY(runtime::make_directories(target.parent_path()));
  TRY(copy_into(source, target));
  TRY_ASSIGN(auto files, list_files(folder, stop));
  TRY(runtime::sync_tree(folder / "data"));
  json::object manifest = make_manifest(spec, output, directory, files, now);
  TRY(runtime::write_file_atomically(folder / "manifest.json", codec::write_json_pretty(manifest) + "\n"));
  json::object artifact{{"uri", folder.string()},           {"type", manifest["type"]},
                        {"class", manifest["class"]},       {"digest", manifest["digest"]},
                        {"identity", manifest["identity"]}, {"bytes", manifest["bytes"]}};
  json::object file{{"path", target.string()}, {"digest", manifest["digest"]}};
  return json::object{{"artifact", std::move(artifact)}, {"value", {{"$file", std::move(file)}}}};
}

}  // namespace stoker::engine
