// What Java's String does, where that is not what C++ or Unicode would do.
#pragma once

#include <cstddef>
#include <optional>
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

// Characters of Java's strings (UTF-16 units), none when `text` is no UTF-8.
inline std::optional<std::size_t> java_length(std::string_view text) {
  std::size_t units = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t bytes = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || at + bytes > text.size()) return std::nullopt;
    for (std::size_t i = 1; i < bytes; ++i)
      if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return std::nullopt;
    units += bytes == 4 ? 2 : 1;
    at += bytes;
  }
  return units;
}

}  // namespace stoker::spark
