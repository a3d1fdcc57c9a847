// From the file that a user names to a checked document: a YAML or JSON document is read, a Python file is compiled, or
// its unchanged compile found again.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "cli/program.h"
#include "local/host.h"
#include "local/steps/python.h"
#include "pipeline/document.h"
#include "pipeline/validate.h"

namespace stoker::cli {

struct SourceRequest {
  std::string file;  // as given
  std::optional<std::string> pipeline;
  std::optional<std::string> python;
  bool recompile = false;
  // Of the store; the compile cache is below it. Empty: no cache is used.
  std::filesystem::path store;
  // Where a Python file is imported: what it reads then may have relative names. Empty: where the program stands.
  std::filesystem::path working_directory;
};

struct PipelineSource {
  std::shared_ptr<const pipeline::Document> document;
  std::filesystem::path file;          // absolute
  std::filesystem::path project_root;  // absolute
  // Of a Python file: what compiled it, or would have.
  std::optional<local::Interpreter> interpreter;
  // When it was compiled, or its compile was found unchanged: digests of code are of the files as they were then.
  std::optional<WallTime> compiled_at;
  // The process that compiled it, which has the user's module imported; none when the compile was found again.
  std::shared_ptr<local::PythonHost> host;
};

// The folder with pyproject.toml, .stoker or .git nearest upwards from `file`, else the file's own.
std::filesystem::path project_root_of(const std::filesystem::path& file);

// Files that a document in `directory` names are read from disk.
pipeline::LoadOptions document_options(const std::filesystem::path& directory);

Result<PipelineSource> load_pipeline(const Program& program, const SourceRequest& request);

}  // namespace stoker::cli
