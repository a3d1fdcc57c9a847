// Times as documents write them (RFC 3339).
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace stoker::codec {

// 2026-01-01T00:00:00Z, with a fraction or an offset if wanted; a date alone is its midnight in UTC.
Result<WallTime> parse_time(std::string_view text);

// In UTC with milliseconds: 2026-01-01T00:00:00.000Z.
std::string format_time(WallTime time);

}  // namespace stoker::codec
