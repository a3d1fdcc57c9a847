// What a YAML scalar means: the core schema of YAML 1.2, without guesses.
#pragma once

#include <string>
#include <string_view>

#include "codec/json.h"

namespace stoker::codec {

struct ScalarMeaning {
  json::value value;
  // Not empty: the text has no meaning that JSON could hold, or two.
  std::string problem;
  std::string hint;
};

// The meaning of a scalar without quotes.
ScalarMeaning plain_scalar(std::string_view text);

}  // namespace stoker::codec
