#include "metadata/location.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "runtime/process/process.h"

namespace stoker::metadata {

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kOthersMayWrite = 0022;

fs::path absolute(const fs::path& path, const fs::path& base) {
  return (path.is_absolute() ? path : base / path).lexically_normal();
}

}  // namespace

std::string_view location_source_text(LocationSource source) {
  switch (source) {
    case LocationSource::option: return "--store";
    case LocationSource::environment: return "STOKER_STORE";
    case LocationSource::project: return "the project's .stoker";
    case LocationSource::user: return "the user's data folder";
  }
  return "";
}

Result<StoreLocation> choose_location(const LocationInputs& inputs,
                                      const std::function<bool(const fs::path&)>& is_folder) {
  if (inputs.option) {
    if (inputs.option->empty()) return Error{.code = ErrorCode::usage, .message = "--store needs the path of a folder"};
    return StoreLocation{absolute(*inputs.option, inputs.current), LocationSource::option};
  }
  if (!inputs.store_variable.empty()) {
    return StoreLocation{absolute(inputs.store_variable, inputs.current), LocationSource::environment};
  }
  for (auto folder = absolute(inputs.start, inputs.current);; folder = folder.parent_path()) {
    if (is_folder(folder / kProjectStoreName))
      return StoreLocation{folder / kProjectStoreName, LocationSource::project};
    if (folder == folder.parent_path()) break;
  }
  // The XDG rule: a relative path there is to be ignored.
  if (fs::path(inputs.data_home).is_absolute()) {
    return StoreLocation{fs::path(inputs.data_home) / "stoker", LocationSource::user};
  }
  if (fs::path(inputs.home).is_absolute()) {
    return StoreLocation{fs::path(inputs.home) / ".local/share/stoker", LocationSource::user};
  }
  return Error{.code = ErrorCode::environment,
               .message = "there is no place for the store: neither XDG_DATA_HOME nor HOME is set",
               .hint = "name one with --store or STOKER_STORE"};
}

Result<void> judge_store_folder(const fs::path& folder, const FolderFacts& facts) {
  constexpr std::uint32_t kRoot = 0;
  if (facts.owner != facts.user && facts.user != kRoot) {
    return Error{.code = ErrorCode::permission,
                 .message = fmt::format("the store {} belongs to another user", folder.string()),
                 .hint = "choose a store of your own with --store or STOKER_STORE"};
  }
  if ((facts.mode & kOthersMayWrite) != 0) {
    return Error{.code = ErrorCode::permission,
                 .message = fmt::format("other users may write to the store {}", folder.string()),
                 .hint = fmt::format("chmod 700 '{}'", folder.string())};
  }
  return {};
}

Result<StoreLocation> find_store(const std::optional<fs::path>& option, const fs::path& start) {
  std::error_code failure;
  auto environment = runtime::current_environment();
  LocationInputs inputs{.option = option,
                        .current = fs::current_path(failure),
                        .store_variable = environment["STOKER_STORE"],
                        .data_home = environment["XDG_DATA_HOME"],
                        .home = environment["HOME"]};
  if (failure) return system_error("the current folder", failure.value());
  inputs.start = start.empty() ? inputs.current : start;
  TRY_ASSIGN(auto location, choose_location(inputs, [](const fs::path& path) {
               struct stat status{};
               return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
             }));
  struct stat status{};
  if (stat(location.folder.c_str(), &status) != 0) {
    if (errno == ENOENT) return location;
    return system_error(fmt::format("the store {}", location.folder.string()), errno);
  }
  if (S_ISDIR(status.st_mode)) {
    TRY(judge_store_folder(location.folder, {.owner = status.st_uid, .mode = status.st_mode, .user = geteuid()}));
  }
  return location;
}

}  // namespace stoker::metadata
