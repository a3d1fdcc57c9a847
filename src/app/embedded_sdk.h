// The SDK that travels inside the program, for an interpreter that has no `stoker` package of its own.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace stoker::app {

// The folder to put on PYTHONPATH: <cache>/stoker/sdk-<digest>, unpacked at first use. `cache` is the user's cache
// folder.
Result<std::filesystem::path> unpack_sdk(const std::filesystem::path& cache);

}  // namespace stoker::app
