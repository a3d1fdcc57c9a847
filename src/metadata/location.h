// Where the store is: the decision as a pure function, and the little that looks at the machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stoker::metadata {

inline constexpr std::string_view kProjectStoreName = ".stoker";

enum class LocationSource { option, environment, project, user };
std::string_view location_source_text(
    LocationSource source);  // "--store", "STOKER_STORE", …: for `doctor` and the run's header

struct StoreLocation {
  std::filesystem::path folder;
  LocationSource source = LocationSource::user;
};

struct LocationInputs {
  std::optional<std::filesystem::path> option;  // --store
  std::filesystem::path start;                  // absolute: the pipeline file's folder, else the current folder
  std::filesystem::path current;                // absolute: what relative settings are relative to
  std::string store_variable;                   // STOKER_STORE, empty when unset
  std::string data_home;                        // XDG_DATA_HOME, empty when unset
  std::string home;                             // HOME
};

// The option, the variable, the nearest `.stoker` folder upwards from `start`, the user's data folder. `is_folder`
// looks at the disk.
Result<StoreLocation> choose_location(const LocationInputs& inputs,
                                      const std::function<bool(const std::filesystem::path&)>& is_folder);

struct FolderFacts {
  std::uint32_t owner = 0;
  std::uint32_t mode = 0;
  std::uint32_t user = 0;  // who asks
};
// A store holds pickles that loading executes: it must be the user's own (root may use anybody's), and nobody else may
// write to it.
Result<void> judge_store_folder(const std::filesystem::path& folder, const FolderFacts& facts);

// Reads the environment and the disk: choose_location and, for a folder that exists, judge_store_folder. An empty
// `start` is the current folder.
Result<StoreLocation> find_store(const std::optional<std::filesystem::path>& option,
                                 const std::filesystem::path& start);

}  // namespace stoker::metadata
