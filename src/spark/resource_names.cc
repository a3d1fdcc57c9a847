#include "spark/resource_names.h"

#include <fmt/format.h>

#include "spark/java/text.h"

namespace stoker::spark {

namespace {

// The two characters beyond ASCII that Java's toLowerCase makes ASCII letters of: İ (with a dot left over) and the
// kelvin sign.
constexpr std::string_view kDottedCapitalI = "\xC4\xB0";
constexpr std::string_view kKelvin = "\xE2\x84\xAA";

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// Trimmed as Java does, lower case, every run of other characters one `-`.
std::string sanitized(std::string_view text) {
  std::string out;
  const auto add = [&](char c) {
    if (c != '-' || !out.ends_with('-')) out += c;
  };
  const std::string_view trimmed = java_trim(text);
  for (std::size_t at = 0; at < trimmed.size();) {
    const std::string_view rest = trimmed.substr(at);
    if (rest.starts_with(kDottedCapitalI)) {
      add('i');
      add('-');
      at += kDottedCapitalI.size();
    } else if (rest.starts_with(kKelvin)) {
      add('k');
      at += kKelvin.size();
    } else {
      const char lower = rest[0] >= 'A' && rest[0] <= 'Z' ? static_cast<char>(rest[0] - 'A' + 'a') : rest[0];
      add(is_plain(lower) ? lower : '-');
      ++at;
    }
  }
  return out;
}

}  // namespace

std::string app_name_label(std::string_view app_name) {
  std::string label = sanitized(app_name).substr(0, kMaximumLabelLength);
  if (label.ends_with('-')) label.pop_back();
  if (label.starts_with('-')) label.erase(0, 1);
  return label;
}

std::string resource_name_prefix(std::string_view app_name, std::string_view unique) {
  std::string prefix = sanitized(fmt::format("{}-{}", app_name, unique));
  if (prefix.starts_with('-')) prefix.erase(0, 1);
  if (!prefix.empty() && prefix[0] >= '0' && prefix[0] <= '9') prefix[0] = 'x';
  return prefix;
}

std::string driver_pod_name(std::string_view prefix) {
  return fmt::format("{}-driver", prefix);
}

std::string driver_service_name(std::string_view prefix, std::string_view unique) {
  std::string name = fmt::format("{}-driver-svc", prefix);
  return name.size() <= kMaximumLabelLength ? name : fmt::format("spark-{}-driver-svc", unique);
}

}  // namespace stoker::spark
