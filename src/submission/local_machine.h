// The machine that this process runs on, as a plan sees it. Thread-safe: it has no state of its own.
#pragma once

#include <functional>
#include <string>

#include "base/variables.h"
#include "spark/surroundings.h"

namespace stoker::submission {

// Entries of a jar's manifest are looked for in so much of it.
inline constexpr std::size_t kMaximumManifestBytes = 1 << 20;
// Files that one pattern may match.
inline constexpr std::size_t kMaximumMatches = 10'000;

class LocalMachine final : public spark::Surroundings {
 public:
  using Download = std::function<Result<std::string>(const std::string& uri, const codec::HadoopProperties& properties,
                                                     std::size_t limit_bytes)>;

  // `variables`: of this process.
  LocalMachine(Variables variables, std::string current_folder, Download download)
      : variables_(std::move(variables)), current_folder_(std::move(current_folder)), download_(std::move(download)) {}

  std::optional<std::string> environment(std::string_view name) const override;
  std::string user() const override;
  std::string absolute_path(std::string_view path) const override;
  bool is_folder(std::string_view path) const override;
  Result<std::string> read(std::string_view path, std::size_t limit_bytes) const override;
  Result<std::string> download(const std::string& uri, const codec::HadoopProperties& properties,
                               std::size_t limit_bytes) const override {
    return download_(uri, properties, limit_bytes);
  }
  Result<std::vector<std::string>> file_names(std::string_view folder) const override;
  Result<std::vector<std::string>> matching_files(std::string_view pattern) const override;
  Result<std::string> content_id(std::string_view path) const override;
  Result<std::optional<std::string>> main_class_of(std::string_view jar_path) const override;

 private:
  Variables variables_;
  std::string current_folder_;
  Download download_;
};

}  // namespace stoker::submission
