#include "spark/configuration.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/strings.h"
#include "spark/java/text.h"

namespace stoker::spark {

namespace {

// References within references; Spark refuses circles, which this bounds.
constexpr int kMaximumReferenceDepth = 16;

struct OldName {
  std::string_view key;
  std::string_view old;
};

// SparkConf.configsWithAlternatives, of what a submission reads.
constexpr std::array kOldNames = {
    OldName{"spark.driver.memoryOverhead", "spark.yarn.driver.memoryOverhead"},
    OldName{"spark.executor.memoryOverhead", "spark.yarn.executor.memoryOverhead"},
    OldName{"spark.kerberos.keytab", "spark.yarn.keytab"},
    OldName{"spark.kerberos.principal", "spark.yarn.principal"},
};

Error wrong(std::string_view key, std::string_view what, std::string_view value) {
  return {.code = ErrorCode::invalid_value, .message = fmt::format("{} should be {}, but is \"{}\"", key, what, value)};
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

struct Reference {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string_view binding;  // what stands before the colon; empty without one
  std::string_view name;
};

// The first `${name}` or `${binding:name}` at or after `from`.
std::optional<Reference> find_reference(std::string_view text, std::size_t from) {
  for (std::size_t begin = text.find("${", from); begin != std::string_view::npos; begin = text.find("${", begin + 1)) {
    const std::size_t close = text.find('}', begin + 2);
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view inside = text.substr(begin + 2, close - begin - 2);
    if (inside.empty() || std::ranges::any_of(inside, is_blank)) continue;
    const std::size_t colon = inside.find(':');
    if (colon != std::string_view::npos && colon > 0 && colon + 1 < inside.size() &&
        std::ranges::all_of(inside.substr(0, colon), is_word))
      return Reference{begin, close + 1, inside.substr(0, colon), inside.substr(colon + 1)};
    return Reference{begin, close + 1, {}, inside};
  }
  return std::nullopt;
}

}  // namespace

void Configuration::remove(std::string_view key) {
  if (const auto found = entries_.find(key); found != entries_.end()) entries_.erase(found);
}

std::optional<std::string> Configuration::raw(std::string_view key) const {
  if (const auto found = entries_.find(key); found != entries_.end()) return found->second;
  for (const OldName& row : kOldNames)
    if (row.key == key)
      if (const auto found = entries_.find(row.old); found != entries_.end()) return found->second;
  return std::nullopt;
}

std::vector<std::pair<std::string, std::string>> Configuration::with_prefix(std::string_view prefix) const {
  std::vector<std::pair<std::string, std::string>> found;
  for (auto entry = entries_.lower_bound(prefix); entry != entries_.end() && entry->first.starts_with(prefix); ++entry)
    found.emplace_back(entry->first.substr(prefix.size()), entry->second);
  return found;
}

Result<std::string> ConfigurationReader::substituted(std::string_view key, const std::string& value, int depth) const {
  if (depth > kMaximumReferenceDepth)
    return Error{.code = ErrorCode::invalid_value, .message = fmt::format("{} refers to itself in a circle", key)};
  std::string text;
  std::size_t done = 0;
  for (auto at = find_reference(value, 0); at; at = find_reference(value, done)) {
    text.append(value, done, at->begin - done);
    std::optional<std::string> named;
    if (at->binding == "env")
      named = environment_(at->name);
    else if (at->binding.empty() && at->name.starts_with("spark."))
      named = configuration_.raw(at->name);
    if (named) {
      TRY_ASSIGN(const std::string inner, substituted(key, *named, depth + 1));
      text += inner;
    } else {
      text.append(value, at->begin, at->end - at->begin);
    }
    done = at->end;
  }
  text.append(value, done);
  return text;
}

Result<std::optional<std::string>> ConfigurationReader::text(std::string_view key) const {
  const auto value = configuration_.raw(key);
  if (!value) return std::optional<std::string>();
  TRY_ASSIGN(std::string whole, substituted(key, *value, 0));
  return std::optional<std::string>(std::move(whole));
}

Result<std::string> ConfigurationReader::text_or(std::string_view key, std::string_view otherwise) const {
  TRY_ASSIGN(auto value, text(key));
  return value ? *std::move(value) : std::string(otherwise);
}

Result<std::optional<std::string>> ConfigurationReader::first_of(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    TRY_ASSIGN(auto value, text(key));
    if (value) return value;
  }
  return std::optional<std::string>();
}

Result<std::vector<std::string>> ConfigurationReader::list(std::string_view key) const {
  TRY_ASSIGN(const auto value, text(key));
  std::vector<std::string> parts;
  if (!value) return parts;
  for (const std::string& part : split(*value, ','))
    if (const std::string_view trimmed = java_trim(part); !trimmed.empty()) parts.emplace_back(trimmed);
  return parts;
}

Result<bool> ConfigurationReader::boolean(std::string_view key, bool otherwise) const {
  TRY_ASSIGN(const auto value, text(key));
  if (!value) return otherwise;
  const std::string lower = lower_case(java_trim(*value));
  if (lower == "true") return true;
  if (lower == "false") return false;
  return wrong(key, "true or false", *value);
}

Result<std::int64_t> ConfigurationReader::whole_number(std::string_view key, std::int64_t otherwise) const {
  TRY_ASSIGN(const auto value, text(key));
  if (!value) return otherwise;
  const auto number = java_int(java_trim(*value));
  if (!number) return wrong(key, "a whole number", *value);
  return std::int64_t{*number};
}

Result<std::optional<double>> ConfigurationReader::number(std::string_view key) const {
  TRY_ASSIGN(const auto value, text(key));
  if (!value) return std::optional<double>();
  const auto number = java_number(java_trim(*value));
  if (!number) return wrong(key, "a number", *value);
  return number;
}

Result<std::optional<std::int64_t>> ConfigurationReader::mebibytes(std::string_view key) const {
  TRY_ASSIGN(const auto value, text(key));
  if (!value) return std::optional<std::int64_t>();
  auto size = parse_size(*value, SizeUnit::mebibyte);
  if (!size) return std::move(size).error().with_context(std::string(key));
  return std::optional<std::int64_t>(*size);
}

Result<std::string> ConfigurationReader::one_of(std::string_view key, std::initializer_list<std::string_view> allowed,
                                                std::string_view otherwise) const {
  TRY_ASSIGN(std::string value, text_or(key, otherwise));
  if (std::ranges::find(allowed, std::string_view(value)) != allowed.end()) return value;
  return wrong(key, fmt::format("one of {}", fmt::join(allowed, ", ")), value);
}

}  // namespace stoker::spark
