// Durations as documents write them: 500ms, 10s, 1.5h, 1h30m, 7d.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stoker::codec {

inline constexpr auto kMaximumDuration = std::chrono::hours(24 * 365 * 10);

// Units ms, s, m, h, d, largest first, each at most once; a fraction only in front of the last; at least a millisecond
// or exactly 0s.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
// The shortest text that parses back: 1h30m, 250ms, 0s.
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace stoker::codec
