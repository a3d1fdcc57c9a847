// The result document of a worker (api/step-protocol.md, section 6).
#pragma once

#include <filesystem>
#include <optional>

#include "engine/runner.h"

namespace stoker::local {

inline constexpr std::size_t kResultLimit = 16 * 1024 * 1024;

// None when there is no file. An error of code `corrupt` when it is no result of this attempt.
Result<std::optional<engine::AttemptResult>> read_result(const std::filesystem::path& path,
                                                         const engine::AttemptSpec& spec);
// The same without the file.
Result<engine::AttemptResult> parse_result(std::string_view text, const engine::AttemptSpec& spec);

}  // namespace stoker::local
