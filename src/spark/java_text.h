// What Java's String does, where that is not what C++ or Unicode would do.
#pragma once

#include <string_view>

namespace stoker::spark {

// String.trim: every character up to the space goes at both ends, controls too; other blanks of Unicode stay.
inline std::string_view java_trim(std::string_view text) {
  const auto outer = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && outer(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && outer(text.back()))
    text.remove_suffix(1);
  return text;
}

}  // namespace stoker::spark
