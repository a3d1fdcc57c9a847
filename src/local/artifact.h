// Publishes a file or folder that a command or Spark application wrote as an artifact of the store.
#pragma once

#include <filesystem>
#include <string>

#include "base/clock.h"
#include "codec/json.h"
#include "engine/runner.h"
#include "runtime/stop.h"

namespace stoker::local {

// Gives the output record: {"artifact": {…}, "value": {"$file": {"path", "digest"}}}. The path is that of the copy,
// under its own name, so that programs which go by a suffix find it.
Result<json::object> publish_file(const std::filesystem::path& source, const std::string& output,
                                  const engine::AttemptSpec& spec, WallTime now, const runtime::StopToken& stop);

}  // namespace stoker::local
