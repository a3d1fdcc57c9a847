#include "engine/compile_cache.h"

#include "codec/json_fields.h"
#include "codec/sha256.h"
#include "runtime/file.h"

namespace stoker::engine {

using codec::optional_number;
using codec::optional_text;

namespace {

constexpr int kEntryVersion = 1;

const json::array* array_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_array();
}

// The coarsest clock of a file system that we know of (FAT). A file that was saved so shortly before the entry may have
// been saved again with the same time; git calls it racily clean.
constexpr std::int64_t kTimeOfFilesNs = 2'000'000'000;

bool same_file(const json::object& file, std::int64_t entry_ns) {
  const auto path = optional_text(file, "path");
  const auto digest = optional_text(file, "digest");
  if (!path || !digest) return false;
  const auto stamp = runtime::stamp_file(*path);
  if (!stamp.ok()) return false;
  if (optional_number(file, "size") != static_cast<std::int64_t>(stamp.value().size)) return false;
  const auto modified_ns = stamp.value().modified_ns;
  if (optional_number(file, "mtime_ns") == modified_ns && modified_ns < entry_ns - kTimeOfFilesNs) return true;
  const auto now = runtime::hash_file(*path);
  return now.ok() && (now.value().hex == *digest || "sha256:" + now.value().hex == *digest);
}

}  // namespace

std::filesystem::path CompileCache::path_of(const CompileRequest& request) const {
  const json::array key = {json::string(request.file.string()), json::string(request.pipeline),
                           json::string(request.interpreter), json::string(request.sdk)};
  return folder_ / (codec::sha256_hex(codec::canonical_json(key)) + ".json");
}

bool CompileCache::unchanged(const json::object& dependencies, std::int64_t entry_ns) const {
  const auto* files = array_of(dependencies, "files");
  const auto* environment = dependencies.if_contains("environment");
  const auto* python = dependencies.if_contains("python");
  if (files == nullptr || environment == nullptr || !environment->is_object() || python == nullptr ||
      !python->is_object())
    return false;
  for (const auto& file : *files) {
    if (!file.is_object() || !same_file(file.get_object(), entry_ns)) return false;
  }
  if (const auto* paths = dependencies.if_contains("paths"); paths != nullptr && paths->is_object()) {
    for (const auto& [path, state] : paths->get_object()) {
      if (!state.is_string() || std::string_view(state.get_string()) != runtime::path_state(std::string(path)))
        return false;
    }
  }
  for (const auto& variable : environment->get_object()) {
    const auto now = variable_(std::string(variable.key()));
    const bool had = variable.value().is_string();
    if (now.has_value() != had) return false;
    if (had) {
      const std::string_view digest = variable.value().get_string();
      const auto hex = codec::sha256_hex(*now);
      if (digest != hex && digest != "sha256:" + hex) return false;
    }
  }
  // Installing or removing a package changes the mtime of its folder.
  const auto* folders = array_of(python->get_object(), "packages");
  if (folders == nullptr) return false;
  for (const auto& folder : *folders) {
    const auto* object = folder.if_object();
    const auto path = object == nullptr ? std::nullopt : optional_text(*object, "path");
    if (!path) return false;
    const auto stamp = runtime::stamp_file(*path);
    if (!stamp.ok() || optional_number(*object, "mtime_ns") != stamp.value().modified_ns) return false;
  }
  return true;
}

std::optional<json::value> CompileCache::find(const CompileRequest& request) const {
  const auto text = runtime::read_file(path_of(request), kMaximumCompiledBytes);
  const auto stamp = runtime::stamp_file(path_of(request));
  if (!text.ok() || !stamp.ok()) return std::nullopt;
  auto entry = codec::parse_json(text.value());
  if (!entry.ok() || !entry.value().is_object()) return std::nullopt;
  auto& object = entry.value().get_object();
  const auto* dependencies = object.if_contains("dependencies");
  auto* document = object.if_contains("document");
  if (optional_number(object, "version") != kEntryVersion || document == nullptr || dependencies == nullptr ||
      !dependencies->is_object())
    return std::nullopt;
  if (!unchanged(dependencies->get_object(), stamp.value().modified_ns)) return std::nullopt;
  return std::move(*document);
}

Result<void> CompileCache::put(const CompileRequest& request, const json::value& document,
                               const json::value& dependencies) const {
  TRY(runtime::make_directories(folder_));
  const json::object entry = {{"version", kEntryVersion}, {"dependencies", dependencies}, {"document", document}};
  return runtime::write_file_atomically(path_of(request), codec::write_json(entry));
}

}  // namespace stoker::engine
