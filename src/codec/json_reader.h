// The JSON parser under parse_json and parse_json_located: Boost.JSON's, but with exact doubles.
#pragma once

#include <boost/json/value.hpp>
#include <boost/system/error_code.hpp>
#include <string_view>

#include "codec/json.h"

namespace stoker::codec {

struct JsonText {
  json::value value;
  // Where reading stopped.
  std::size_t consumed = 0;
  boost::system::error_code failure;
  // A number was beyond the doubles (1e999) and is infinity in `value`, which no JSON can say again: for the caller to
  // refuse.
  bool has_infinity = false;
};

// Boost.JSON 1.81 computes doubles with an error of up to one unit in the last place: one in ten that Python writes
// would come back changed, and with it cache keys. Here each is the nearest double. A number beyond the doubles (1e999)
// is a failure.
JsonText read_json(std::string_view text, const JsonOptions& options = {});

}  // namespace stoker::codec
