// Publishes a file or folder that a command or Spark application wrote as an artifact (api/step-protocol.md, section
// 7).
#pragma once

#include <filesystem>
#include <string>

#include "codec/json.h"
#include "engine/runner.h"
#include "runtime/context.h"

namespace stoker::engine {

// The materializers of the SDK that load what is published here.
inline constexpr std::string_view kFileClass = "stoker.materializers:FileMaterializer";
inline constexpr std::string_view kDirectoryClass = "stoker.materializers:DirectoryMaterializer";

// Copies `source` to <artifacts>/<output>/data/<its name>, syncs it, then writes the manifest, last. Gives the output
// record:
// {"artifact": {…}, "value": {"$file": {"path", "digest"}}}; the path is that of the copy, under its own name, so that
// programs which go by a suffix find it.
Result<json::object> publish_file(const std::filesystem::path& source, const std::string& output,
                                  const AttemptSpec& spec, WallTime now, const runtime::StopToken& stop);

}  // namespace stoker::engine
