#include "objects/aws_profile.h"

#include <optional>

#include "base/strings.h"

namespace stoker::objects {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// Secret keys may have a # in them; a comment has a blank before it.
std::string_view without_comment(std::string_view value) {
  for (std::size_t i = 1; i < value.size(); ++i)
    if ((value[i] == '#' || value[i] == ';') && is_blank(value[i - 1])) return trim(value.substr(0, i));
  return trim(value);
}

std::optional<std::string> section_of(std::string_view line) {
  const std::size_t end = line.find(']');
  if (!line.starts_with('[') || end == std::string_view::npos) return std::nullopt;
  std::string_view name = trim(line.substr(1, end - 1));
  const std::size_t blank = name.find_first_of(" \t");
  if (blank == std::string_view::npos) return std::string(name);
  // One blank in "profile   name", whatever was written; quotes around a name are not part of it.
  std::string_view rest = trim(name.substr(blank));
  if (rest.size() >= 2 && (rest.front() == '"' || rest.front() == '\'') && rest.back() == rest.front())
    rest = rest.substr(1, rest.size() - 2);
  return std::string(name.substr(0, blank)) + " " + std::string(rest);
}

}  // namespace

AwsProfiles read_aws_profiles(std::string_view text) {
  AwsProfiles profiles;
  AwsProfile* section = nullptr;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') continue;
    if (const auto name = section_of(content)) {
      section = &profiles[*name];
      continue;
    }
    const std::size_t equals = content.find('=');
    if (section == nullptr || is_blank(line.front()) || equals == std::string_view::npos) continue;
    const std::string key = lower_case(trim(content.substr(0, equals)));
    if (!key.empty()) (*section)[key] = without_comment(content.substr(equals + 1));
  }
  return profiles;
}

AwsProfile find_aws_profile(const AwsProfiles& credentials, const AwsProfiles& config, const std::string& name) {
  AwsProfile found;
  if (const auto section = credentials.find(name); section != credentials.end()) found = section->second;
  auto section = config.find("profile " + name);
  if (section == config.end() && name == "default") section = config.find(name);
  if (section != config.end()) found.insert(section->second.begin(), section->second.end());
  return found;
}

}  // namespace stoker::objects
