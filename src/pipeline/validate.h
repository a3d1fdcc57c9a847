// Reading a pipeline document: text to Document, or everything that is wrong with it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "pipeline/diagnostics.h"
#include "pipeline/document.h"

namespace stoker::pipeline {

inline constexpr std::string_view kApiVersion = "stoker.dev/v1beta1";
// Sub-pipelines inside sub-pipelines, by file or in place.
inline constexpr int kMaximumPipelineDepth = 16;

struct LoadOptions {
  // The document's folder, absolute: files that it names are relative to it. Empty: the folder of the file's name.
  std::string directory;
  // Reads a file that the document names (a manifest, a sub-pipeline) by its path. Without it such files are errors.
  std::function<Result<std::string>(const std::string& path)> read_file;
  // What `requires` is compared with.
  std::string program_version = STOKER_VERSION;
};

struct Loaded {
  std::optional<Document> document;  // only without diagnostics
  Diagnostics diagnostics;
};

// `file_name` is what messages say, and tells YAML from JSON.
Loaded check_document(std::string text, const std::string& file_name, const LoadOptions& options = {});
// A document that is a value already, such as the SDK's: messages name a pointer instead of line and column.
Loaded check_document(json::value value, const std::string& file_name, const LoadOptions& options = {});

// The same with all diagnostics as one error.
Result<Document> load_document(std::string text, const std::string& file_name, const LoadOptions& options = {});
Result<Document> load_document(json::value value, const std::string& file_name, const LoadOptions& options = {});

// Text must be a std::string: a view would be taken for a JSON value that is a string.
Loaded check_document(std::string_view text, const std::string& file_name, const LoadOptions& options = {}) = delete;
Result<Document> load_document(std::string_view text, const std::string& file_name,
                               const LoadOptions& options = {}) = delete;

}  // namespace stoker::pipeline
