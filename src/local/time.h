// Times as documents write them (RFC 3339).
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace stoker::local {

// 2026-01-01T00:00:00Z, with a fraction or an offset if wanted; a date alone is its midnight in UTC.
Result<WallTime> parse_time(std::string_view text);

}  // namespace stoker::local
