// CompileCache: the documents that Python files compiled to, so that an unchanged pipeline starts no Python at all.
//
// An entry remembers what the compile read (project files, what is at paths that it asked about, environment variables,
// the interpreter and its installed packages, as the host's `compiled` answer lists them) and is used only while all of
// that is as it was. Files are first compared by size and mtime (unless saved in the seconds before), then by content.
// Wrong reuse is a defect; a damaged entry is a miss.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "codec/json.h"

namespace stoker::engine {

inline constexpr std::size_t kMaximumCompiledBytes = 64 * 1024 * 1024;

struct CompileRequest {
  std::filesystem::path file;  // absolute
  std::string pipeline;        // empty: the file's only one
  std::string interpreter;     // the command that runs Python
  std::string sdk;             // what tells one SDK from another: the program's version and archive digest
};

class CompileCache {
 public:
  using Variable = std::function<std::optional<std::string>(const std::string& name)>;

  // `folder`: <store>/cache/compile. `variable` reads the environment that a compile would see.
  CompileCache(std::filesystem::path folder, Variable variable)
      : folder_(std::move(folder)), variable_(std::move(variable)) {}

  // The document, when nothing that it came from has changed.
  std::optional<json::value> find(const CompileRequest& request) const;
  // `dependencies` as the host gave them.
  Result<void> put(const CompileRequest& request, const json::value& document, const json::value& dependencies) const;

 private:
  std::filesystem::path path_of(const CompileRequest& request) const;
  bool unchanged(const json::object& dependencies, std::int64_t entry_ns) const;

  std::filesystem::path folder_;
  Variable variable_;
};

}  // namespace stoker::engine
