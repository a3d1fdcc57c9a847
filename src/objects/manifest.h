// The manifest of an artifact (api/artifact-manifest.schema.json; api/step-protocol.md, section 7). Pure: text in, text
// out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"

namespace stoker::objects {

inline constexpr int kManifestVersion = 1;
// Longer is no manifest: about 500,000 files.
inline constexpr std::size_t kMaximumManifestBytes = 64 * 1024 * 1024;
inline constexpr std::string_view kManifestFile = "manifest.json";

struct ManifestFile {
  std::string path;  // relative to the artifact's folder, with `/`; never leaves it
  std::uint64_t size = 0;
  std::string sha256;  // empty: not hashed
  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

struct CreatedBy {
  std::string worker;  // name/version
  std::string project;
  std::string pipeline;
  std::string run;
  std::string step;
  int attempt = 0;
  std::string output;
  std::string time;  // RFC 3339
  friend bool operator==(const CreatedBy&, const CreatedBy&) = default;
};

struct Manifest {
  std::string type;          // for people
  std::string materializer;  // "class": who can load it
  std::string digest;        // sha256:… of the content
  std::string identity;      // stands for the content in cache keys
  std::optional<json::value> schema;
  std::optional<std::int64_t> rows;
  std::uint64_t bytes = 0;
  std::optional<json::value> details;  // private to the class
  bool pickle = false;                 // loading executes code that it brings along
  std::optional<json::value> value;    // instead of files; a null value is one
  std::optional<json::value> preview;
  std::vector<ManifestFile> files;
  CreatedBy created_by;
};

// corrupt: not a manifest (the message says what is wrong); newer_version: of a newer program.
Result<Manifest> parse_manifest(std::string_view text);
json::object manifest_to_json(const Manifest& manifest);
// What `digest` must be: class, details, schema, value and the list of files.
std::string content_digest(const Manifest& manifest);

}  // namespace stoker::objects
