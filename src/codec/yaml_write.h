// JSON values as YAML text, in block style, by libyaml's emitter.
#pragma once

#include <string>

#include "codec/json.h"

namespace stoker::codec {

// Parses back to the same value (parse_yaml). Texts that would read as something else are quoted; keys stay in order.
std::string write_yaml(const json::value& value);

}  // namespace stoker::codec
