// What Java's String does, where that is not what C++ or Unicode would do.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/strings.h"

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
  if (!is_utf8(text)) return std::nullopt;
  std::size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    units += (byte & 0xc0) == 0x80 ? 0 : byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

// Integer.parseInt: a sign or none, digits, 32 bits.
inline std::optional<std::int32_t> java_int(std::string_view text) {
  if (text.starts_with("+-")) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int32_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Double.parseDouble, without its words (NaN, Infinity) and hexadecimals.
std::optional<double> java_number(std::string_view text);

// Double.toString: 0.1, 2.0, 1.0E-5.
std::string java_double(double number);

}  // namespace stoker::spark
