// The formats of api/pipeline.schema.json, by hand: their reasons are better than a pattern's, and 100,000 names take
// no time.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/duration.h"
#include "pipeline/schema.h"

namespace stoker::pipeline {

namespace {

constexpr std::size_t kMaximumNameLength = 63;
constexpr std::array<std::string_view, 4> kFormats = {"stoker-name", "stoker-duration", "stoker-environment-name",
                                                      "stoker-version-constraint"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string name_problem(std::string_view text) {
  constexpr std::string_view kRule = "a letter or _, then letters, digits, _ and -";
  if (text.empty()) return "a name cannot be empty";
  if (text.size() > kMaximumNameLength) return fmt::format("a name has at most {} characters", kMaximumNameLength);
  const bool good = is_letter(text.front()) && std::all_of(text.begin(), text.end(), [](char c) {
                      return is_letter(c) || is_digit(c) || c == '-';
                    });
  return good ? "" : fmt::format("\"{}\" is not a name: {}", text, kRule);
}

std::string environment_name_problem(std::string_view text) {
  const bool good = !text.empty() && is_letter(text.front()) &&
                    std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || is_digit(c); });
  return good ? ""
              : fmt::format(
                    "\"{}\" is not the name of an environment variable: a letter or _, then letters, digits and _",
                    text);
}

std::string version_constraint_problem(std::string_view text) {
  auto problem = fmt::format("\"{}\" is not a version constraint such as >=0.1 or >=0.1.2", text);
  if (!text.starts_with(">=")) return problem;
  text.remove_prefix(2);
  int parts = 1;
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == '.' && digits > 0) {
      ++parts;
      digits = 0;
    } else if (is_digit(c) && digits < 6) {
      ++digits;
    } else {
      return problem;
    }
  }
  return digits > 0 && parts <= 3 ? "" : problem;
}

}  // namespace

bool is_known_format(std::string_view format) {
  return std::find(kFormats.begin(), kFormats.end(), format) != kFormats.end();
}

std::string format_problem(std::string_view format, std::string_view text) {
  if (format == kFormats[0]) return name_problem(text);
  if (format == kFormats[1]) {
    const auto duration = codec::parse_duration(text);
    return duration.ok() ? "" : duration.error().message;
  }
  if (format == kFormats[2]) return environment_name_problem(text);
  if (format == kFormats[3]) return version_constraint_problem(text);
  return "";
}

}  // namespace stoker::pipeline
