// A submitter's machine in memory.
#pragma once

#include <fnmatch.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "codec/sha256.h"
#include "spark/surroundings.h"

namespace stoker::spark::testing {

class MemorySurroundings final : public Surroundings {
 public:
  std::map<std::string, std::string, std::less<>> variables;
  std::map<std::string, std::string, std::less<>> files;  // by absolute path
  std::set<std::string, std::less<>> folders;
  std::string current_folder = "/here";
  std::string user_name = "root";

  std::optional<std::string> environment(std::string_view name) const override {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  }
  std::string user() const override { return user_name; }
  std::string absolute_path(std::string_view path) const override {
    const std::filesystem::path given(path);
    return (given.is_absolute() ? given : std::filesystem::path(current_folder) / given).lexically_normal().string();
  }
  bool is_folder(std::string_view path) const override {
    if (folders.contains(path)) return true;
    const auto below = files.lower_bound(std::string(path) + "/");
    return below != files.end() && below->first.starts_with(std::string(path) + "/");
  }
  Result<std::string> read(std::string_view path, std::size_t limit_bytes) const override {
    const auto found = files.find(path);
    if (found == files.end()) return missing(path);
    if (found->second.size() > limit_bytes)
      return Error{.code = ErrorCode::limit_exceeded, .message = std::string(path) + " is too large"};
    return found->second;
  }
  // Files whose path is an address.
  Result<std::string> download(const std::string& uri, const codec::HadoopProperties& /*properties*/,
                               std::size_t limit_bytes) const override {
    return read(uri, limit_bytes);
  }
  Result<std::vector<std::string>> file_names(std::string_view folder) const override {
    if (!is_folder(folder)) return missing(folder);
    std::vector<std::string> names;
    const std::string prefix = std::string(folder) + "/";
    for (const auto& [path, content] : files)
      if (path.starts_with(prefix) && path.find('/', prefix.size()) == std::string::npos)
        names.push_back(path.substr(prefix.size()));
    return names;
  }
  Result<std::vector<std::string>> matching_files(std::string_view pattern) const override {
    std::vector<std::string> found;
    for (const auto& [path, content] : files)
      if (::fnmatch(std::string(pattern).c_str(), path.c_str(), FNM_PATHNAME) == 0) found.push_back(path);
    return found;
  }
  Result<std::string> content_id(std::string_view path) const override {
    const auto found = files.find(path);
    if (found == files.end()) return missing(path);
    return codec::sha256_hex(found->second);
  }
  // Of jars whose manifest is stored as it is.
  Result<std::optional<std::string>> main_class_of(std::string_view jar_path) const override {
    const auto found = files.find(jar_path);
    if (found == files.end()) return missing(jar_path);
    constexpr std::string_view kKey = "Main-Class: ";
    const std::size_t at = found->second.find(kKey);
    if (at == std::string::npos) return std::optional<std::string>();
    const std::size_t begin = at + kKey.size();
    return std::optional(found->second.substr(begin, found->second.find('\r', begin) - begin));
  }

 private:
  static Error missing(std::string_view path) {
    return {.code = ErrorCode::not_found, .message = std::string(path) + " does not exist"};
  }
};

}  // namespace stoker::spark::testing
