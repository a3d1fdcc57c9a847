#include "spark/java/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace stoker::spark {

std::optional<double> java_number(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  if (!text.empty() && std::string_view("fFdD").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  // What from_chars() takes beyond that are words.
  const bool has_digit = text.find_first_of("0123456789") != std::string_view::npos;
  double number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!has_digit || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string java_double(double number) {
  constexpr double kLeastPlain = 1e-3;
  constexpr double kFirstTooLarge = 1e7;
  const double size = std::abs(number);
  const bool is_plain = number == 0 || (size >= kLeastPlain && size < kFirstTooLarge);
  std::array<char, 400> buffer{};
  const auto format = is_plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, format);
  std::string text(buffer.data(), written.ptr);
  if (is_plain) return text.find('.') == std::string::npos ? text + ".0" : text;
  const std::size_t mark = text.find('e');
  const std::string digits = text.substr(0, mark);
  const int exponent = std::stoi(text.substr(mark + 1));
  return fmt::format("{}{}E{}", digits, digits.find('.') == std::string::npos ? ".0" : "", exponent);
}

}  // namespace stoker::spark
