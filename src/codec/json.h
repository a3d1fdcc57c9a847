// JSON: Boost.JSON under one name, and the few functions that everything uses.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stoker {
namespace json = boost::json;
}

namespace stoker::codec {

// Depth of any JSON that is parsed; deeper is an error, not a stack overflow.
inline constexpr std::size_t kMaximumJsonDepth = 64;

struct JsonOptions {
  std::size_t maximum_depth = kMaximumJsonDepth;
  // Texts may be any bytes: what a program printed, names of files.
  bool allow_invalid_utf8 = false;
};

// Strict JSON (RFC 8259), with exact doubles. The error says the byte offset.
Result<json::value> parse_json(std::string_view text, const JsonOptions& options = {});

// Doubles as people and Python write them: 0.1, 1.0, 1e+30.
std::string write_json(const json::value& value);
// Indented by two spaces, keys in the order of the value.
std::string write_json_pretty(const json::value& value);
// One text per value: keys sorted by bytes, no spaces, shortest round-trip numbers; integral doubles keep ".0" so 1
// and 1.0 differ. The basis of cache keys.
std::string canonical_json(const json::value& value);

}  // namespace stoker::codec
