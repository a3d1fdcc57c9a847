// The store that a verb works on: where it is, and opening it.
#pragma once

#include <filesystem>
#include <memory>

#include "cli/program.h"
#include "metadata/location.h"
#include "metadata/store.h"

namespace stoker::cli {

// --store, else STOKER_STORE, else the nearest .stoker upwards from `start`, else the user's. Absolute.
Result<metadata::StoreLocation> find_store_location(const CommonOptions& common, const std::filesystem::path& start);

// The store as seen from the working directory. One that is not there yet is an error that says how to make it.
Result<std::unique_ptr<metadata::Store>> open_store(const Program& program, const CommonOptions& common);

// What a person calls the state: a run that is running while nobody runs it is "interrupted".
std::string shown_state(const metadata::Store& store, const RunId& run, metadata::RunState state);

}  // namespace stoker::cli
