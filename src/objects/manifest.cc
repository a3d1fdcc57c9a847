#include "objects/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <limits>

#include "codec/sha256.h"

namespace stoker::objects {

namespace {

constexpr std::string_view kDigestPrefix = "sha256:";
constexpr std::size_t kHexDigits = 64;

Error broken(std::string what) {
  return Error{.code = ErrorCode::corrupt, .message = "the manifest is damaged: " + std::move(what)};
}

// One object of the manifest, whose keys must all be asked for.
class Fields {
 public:
  Fields(const json::object& object, std::string_view where) : object_(object), where_(where) {}

  const json::value* find(std::string_view key) {
    known_.push_back(key);
    return object_.if_contains(key);
  }

  Result<std::string> text(std::string_view key, bool required, bool may_be_empty = false) {
    const auto* value = find(key);
    if (value == nullptr && !required) return std::string();
    if (value == nullptr || !value->is_string() || (value->get_string().empty() && !may_be_empty))
      return wrong(key, "a text");
    return std::string(value->get_string());
  }

  Result<std::optional<std::int64_t>> count(std::string_view key) {
    const auto* value = find(key);
    if (value == nullptr) return std::optional<std::int64_t>();
    const bool fits = (value->is_int64() && value->get_int64() >= 0);
    if (!fits) return wrong(key, "a whole number from 0");
    return std::optional<std::int64_t>(value->get_int64());
  }

  Result<std::optional<json::value>> object(std::string_view key) {
    const auto* value = find(key);
    if (value == nullptr) return std::optional<json::value>();
    if (!value->is_object()) return wrong(key, "a map");
    return std::optional<json::value>(*value);
  }

  // Keys that begin with `x-` are anyone's.
  Result<void> no_others() const {
    for (const auto& member : object_) {
      const std::string_view key = member.key();
      if (!key.starts_with("x-") && std::find(known_.begin(), known_.end(), key) == known_.end()) {
        return broken(fmt::format("unknown key \"{}{}\"", where_, key));
      }
    }
    return {};
  }

  Error wrong(std::string_view key, std::string_view wanted) const {
    return broken(fmt::format("\"{}{}\" must be {}", where_, key, wanted));
  }

 private:
  const json::object& object_;
  const std::string_view where_;
  std::vector<std::string_view> known_;
};

bool is_hex_digest(std::string_view text) {
  return text.size() == kHexDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Stays inside the artifact's folder.
bool is_inner_path(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos) return false;
  for (std::size_t start = 0; start <= path.size();) {
    const auto end = std::min(path.find('/', start), path.size());
    if (path.substr(start, end - start) == "..") return false;
    start = end + 1;
  }
  return true;
}

Result<ManifestFile> parse_file(const json::value& item) {
  const auto* object = item.if_object();
  if (object == nullptr) return broken("\"files\" must be a list of maps");
  Fields fields(*object, "files[].");
  ManifestFile file;
  TRY_ASSIGN(file.path, fields.text("path", true));
  if (!is_inner_path(file.path)) return broken(fmt::format("the path \"{}\" leaves the artifact", file.path));
  TRY_ASSIGN(const auto size, fields.count("size"));
  if (!size) return fields.wrong("size", "a whole number from 0");
  file.size = static_cast<std::uint64_t>(*size);
  TRY_ASSIGN(file.sha256, fields.text("sha256", false));
  if (!file.sha256.empty() && !is_hex_digest(file.sha256)) return fields.wrong("sha256", "64 hex digits");
  TRY(fields.no_others());
  return file;
}

Result<CreatedBy> parse_created_by(const json::value& value) {
  Fields fields(value.get_object(), "createdBy.");
  CreatedBy by;
  TRY_ASSIGN(by.worker, fields.text("worker", true));
  TRY_ASSIGN(by.project, fields.text("project", false, true));
  TRY_ASSIGN(by.pipeline, fields.text("pipeline", false, true));
  TRY_ASSIGN(by.run, fields.text("run", true));
  TRY_ASSIGN(by.step, fields.text("step", true));
  TRY_ASSIGN(by.output, fields.text("output", true));
  TRY_ASSIGN(by.time, fields.text("time", true));
  TRY_ASSIGN(const auto attempt, fields.count("attempt"));
  if (!attempt || *attempt > std::numeric_limits<int>::max()) return fields.wrong("attempt", "a whole number from 0");
  by.attempt = static_cast<int>(*attempt);
  TRY(fields.no_others());
  return by;
}

Result<void> check_version(Fields& fields) {
  TRY_ASSIGN(const auto version, fields.count("version"));
  if (!version || *version == 0) return fields.wrong("version", "a whole number from 1");
  if (*version <= kManifestVersion) return {};
  return Error{.code = ErrorCode::newer_version,
               .message = fmt::format("the manifest has version {}, this program knows {}", *version, kManifestVersion),
               .hint = "install the newer Stoker"};
}

Result<Manifest> parse_object(const json::object& object) {
  Fields fields(object, "");
  TRY(check_version(fields));
  Manifest manifest;
  TRY_ASSIGN(manifest.type, fields.text("type", true));
  TRY_ASSIGN(manifest.materializer, fields.text("class", true));
  TRY_ASSIGN(manifest.identity, fields.text("identity", true));
  TRY_ASSIGN(manifest.digest, fields.text("digest", true));
  if (!manifest.digest.starts_with(kDigestPrefix) ||
      !is_hex_digest(std::string_view(manifest.digest).substr(kDigestPrefix.size()))) {
    return fields.wrong("digest", "sha256: and 64 hex digits");
  }
  TRY_ASSIGN(manifest.schema, fields.object("schema"));
  TRY_ASSIGN(manifest.rows, fields.count("rows"));
  TRY_ASSIGN(const auto bytes, fields.count("bytes"));
  if (!bytes) return fields.wrong("bytes", "a whole number from 0");
  manifest.bytes = static_cast<std::uint64_t>(*bytes);
  TRY_ASSIGN(manifest.details, fields.object("details"));
  TRY_ASSIGN(manifest.preview, fields.object("preview"));
  if (const auto* pickle = fields.find("pickle"); pickle != nullptr) {
    if (!pickle->is_bool()) return fields.wrong("pickle", "true or false");
    manifest.pickle = pickle->get_bool();
  }
  if (const auto* value = fields.find("value"); value != nullptr) manifest.value = *value;
  const auto* files = fields.find("files");
  if (files == nullptr || !files->is_array()) return fields.wrong("files", "a list");
  for (const auto& item : files->get_array()) {
    TRY_ASSIGN(auto file, parse_file(item));
    manifest.files.push_back(std::move(file));
  }
  TRY_ASSIGN(const auto created_by, fields.object("createdBy"));
  if (!created_by) return fields.wrong("createdBy", "a map");
  TRY_ASSIGN(manifest.created_by, parse_created_by(*created_by));
  TRY(fields.no_others());
  return manifest;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text) {
  if (text.size() > kMaximumManifestBytes) return broken("it is too long");
  if (text.empty()) return broken("it is empty");
  // A file's name may be any bytes.
  const auto parsed = codec::parse_json(text, {.allow_invalid_utf8 = true});
  if (!parsed.ok()) return broken(parsed.error().message);
  const auto& value = parsed.value();
  if (!value.is_object()) return broken("it is no map");
  return parse_object(value.get_object());
}

json::object manifest_to_json(const Manifest& manifest) {
  json::object out{{"version", kManifestVersion}, {"type", manifest.type}, {"class", manifest.materializer}};
  if (manifest.details) out["details"] = *manifest.details;
  if (manifest.schema) out["schema"] = *manifest.schema;
  if (manifest.value) out["value"] = *manifest.value;
  out["digest"] = manifest.digest;
  out["identity"] = manifest.identity;
  out["bytes"] = manifest.bytes;
  if (manifest.rows) out["rows"] = *manifest.rows;
  if (manifest.pickle) out["pickle"] = true;
  if (manifest.preview) out["preview"] = *manifest.preview;
  json::array files;
  for (const auto& file : manifest.files) {
    json::object entry{{"path", file.path}, {"size", file.size}};
    if (!file.sha256.empty()) entry["sha256"] = file.sha256;
    files.push_back(std::move(entry));
  }
  out["files"] = std::move(files);
  const auto& by = manifest.created_by;
  out["createdBy"] =
      json::object{{"worker", by.worker}, {"project", by.project}, {"pipeline", by.pipeline}, {"run", by.run},
                   {"step", by.step},     {"attempt", by.attempt}, {"output", by.output},     {"time", by.time}};
  return out;
}

std::string content_digest(const Manifest& manifest) {
  json::object head{{"class", manifest.materializer}};
  if (manifest.details) head["details"] = *manifest.details;
  if (manifest.schema) head["schema"] = *manifest.schema;
  if (manifest.value) head["value"] = *manifest.value;
  codec::Sha256 hash;
  hash.update(codec::canonical_json(head));
  hash.update("\n");
  for (const auto& file : manifest.files) {
    hash.update(fmt::format("{} {} {}\n", file.sha256.empty() ? "-" : file.sha256, file.size, file.path));
  }
  return std::string(kDigestPrefix) + hash.hex();
}

}  // namespace stoker::objects
