#include "codec/yaml_scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace stoker::codec {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

ScalarMeaning text_of(std::string_view text) {
  return {.value = json::string(text)};
}

ScalarMeaning too_large(std::string_view text) {
  return {.value = json::string(text),
          .problem = fmt::format("the number {} does not fit into 64 bits", text),
          .hint = "write it in quotes to keep it as text"};
}

// `digits` in `base`, after the sign: a value, or an error when it does not fit.
ScalarMeaning integer(std::string_view text, std::string_view digits, bool negative, int base) {
  std::uint64_t magnitude = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (failure == std::errc::result_out_of_range) return too_large(text);
  constexpr std::uint64_t kLargest = static_cast<std::uint64_t>(INT64_MAX);
  if (negative) {
    if (magnitude > kLargest + 1) return too_large(text);
    return {.value = static_cast<std::int64_t>(0 - magnitude)};
  }
  if (magnitude > kLargest) return {.value = magnitude};
  return {.value = static_cast<std::int64_t>(magnitude)};
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_float(std::string_view body) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t before = i;
    while (i < body.size() && is_digit(body[i]))
      ++i;
    return i - before;
  };
  const std::size_t whole = digits();
  if (i < body.size() && body[i] == '.') {
    ++i;
    if (digits() == 0 && whole == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (i < body.size() && (body[i] == 'e' || body[i] == 'E')) {
    ++i;
    if (i < body.size() && (body[i] == '-' || body[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == body.size();
}

ScalarMeaning number(std::string_view text) {
  const bool negative = text.front() == '-';
  const auto body = negative || text.front() == '+' ? text.substr(1) : text;
  if (all_digits(body)) {
    if (body.size() > 1 && body.front() == '0') {
      return {.value = json::string(text),
              .problem = fmt::format("{} is octal in YAML 1.1 and decimal in YAML 1.2", text),
              .hint = "write it without the leading zero, as 0o17 for octal, or in quotes for a text"};
    }
    return integer(text, body, negative, 10);
  }
  if (body == text && body.size() > 2 && body.front() == '0') {
    const auto digits = body.substr(2);
    if (body[1] == 'x' && digits.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos) {
      return integer(text, digits, false, 16);
    }
    if (body[1] == 'o' && digits.find_first_not_of("01234567") == std::string_view::npos) {
      return integer(text, digits, false, 8);
    }
  }
  if (is_float(body)) {
    double value = 0;
    const auto [end, failure] = std::from_chars(body.data(), body.data() + body.size(), value);
    if (failure != std::errc() || !std::isfinite(value)) {
      return {.value = json::string(text), .problem = fmt::format("the number {} does not fit into 64 bits", text)};
    }
    return {.value = negative ? -value : value};
  }
  if (one_of(body, {".inf", ".Inf", ".INF"}) || one_of(text, {".nan", ".NaN", ".NAN"})) {
    return {.value = json::string(text),
            .problem = fmt::format("{} is no finite number", text),
            .hint = "write it in quotes to keep it as text"};
  }
  return text_of(text);
}

}  // namespace

ScalarMeaning plain_scalar(std::string_view text) {
  if (text.empty() || one_of(text, {"~", "null", "Null", "NULL"})) return {.value = nullptr};
  if (one_of(text, {"true", "True", "TRUE"})) return {.value = true};
  if (one_of(text, {"false", "False", "FALSE"})) return {.value = false};
  if (is_digit(text.front()) || one_of(text.substr(0, 1), {"-", "+", "."})) return number(text);
  return text_of(text);
}

}  // namespace stoker::codec
