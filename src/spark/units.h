// Sizes and times as Spark's configuration has them (`512m`, `30s`): what JavaUtils.byteStringAs and timeStringAs of
// Spark 3.3 to 4.3 take. Whole numbers only; units in any case, without space before them.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace stoker::spark {

enum class SizeUnit { byte, kibibyte, mebibyte, gibibyte, tebibyte, pebibyte };
enum class TimeUnit { microsecond, millisecond, second, minute, hour, day };

// The size in `unit`, which is also what a number without a unit means; rounded down. Errors (invalid_value): not of
// this form, or more than 2^63 - 1 units.
Result<std::int64_t> parse_size(std::string_view text, SizeUnit unit);

// The same for times, which may be negative and are rounded towards zero. One that does not fit is the greatest or the
// least that does, as in java.util.concurrent.TimeUnit.
Result<std::int64_t> parse_time(std::string_view text, TimeUnit unit);

}  // namespace stoker::spark
