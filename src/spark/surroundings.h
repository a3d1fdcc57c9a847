// What of the submitter's machine a submission reads. The one who plans owns this interface; `submission/` has the real
// machine, tests have one in memory.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/hadoop_configuration.h"

namespace stoker::spark {

class Surroundings {
 public:
  virtual ~Surroundings() = default;

  virtual std::optional<std::string> environment(std::string_view name) const = 0;
  // The name of the user whose process this is.
  virtual std::string user() const = 0;
  // Absolute, links followed as far as it exists; relative paths begin at the current folder.
  virtual std::string absolute_path(std::string_view path) const = 0;
  virtual bool is_folder(std::string_view path) const = 0;
  // The whole file; more than `limit_bytes` is an error (limit_exceeded).
  virtual Result<std::string> read(std::string_view path, std::size_t limit_bytes) const = 0;
  // The whole of what is at an address that is not of this machine; `properties` are Hadoop's.
  virtual Result<std::string> download(const std::string& uri, const codec::HadoopProperties& properties,
                                       std::size_t limit_bytes) const = 0;
  // Names of the regular files in a folder, sorted by bytes; hidden ones too, folders not.
  virtual Result<std::vector<std::string>> file_names(std::string_view folder) const = 0;
  // Files that match a pattern of Hadoop (`*`, `?`, `[a-c]`, `{a,b}`), sorted.
  virtual Result<std::vector<std::string>> matching_files(std::string_view pattern) const = 0;
  // The SHA-256 of a file's content, in hex: what tells it from every other.
  virtual Result<std::string> content_id(std::string_view path) const = 0;
  // What META-INF/MANIFEST.MF of a jar names as its main class, or none.
  virtual Result<std::optional<std::string>> main_class_of(std::string_view jar_path) const = 0;
};

}  // namespace stoker::spark
