#include "spark/spark_version.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace stoker::spark {

namespace {

struct ReleaseRow {
  int major;
  int minor;
  Release release;
};

constexpr std::array kReleases = {
    ReleaseRow{3, 3, Release::v3_3}, ReleaseRow{3, 4, Release::v3_4}, ReleaseRow{3, 5, Release::v3_5},
    ReleaseRow{4, 0, Release::v4_0}, ReleaseRow{4, 1, Release::v4_1}, ReleaseRow{4, 2, Release::v4_2},
    ReleaseRow{4, 3, Release::v4_3},
};

// The number at the front of `text`, which it is taken off.
std::optional<int> take_number(std::string_view& text) {
  int number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || text.front() == '-') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take_dot(std::string_view& text) {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Release> find_release(int major, int minor) {
  for (const ReleaseRow& row : kReleases)
    if (row.major == major && row.minor == minor) return row.release;
  return std::nullopt;
}

Error unknown_release(std::string_view text) {
  return {.code = ErrorCode::unsupported,
          .message = fmt::format("what Spark {} submits is not known", text),
          .hint = fmt::format("known are Spark {}.{} to {}.{}; for others use their own spark-submit",
                              kReleases.front().major, kReleases.front().minor, kReleases.back().major,
                              kReleases.back().minor)};
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

Result<SparkVersion> parse_spark_version(std::string_view text) {
  std::string_view rest = text;
  const auto major = take_number(rest);
  const auto minor = major && take_dot(rest) ? take_number(rest) : std::nullopt;
  const auto patch = minor && take_dot(rest) ? take_number(rest) : std::nullopt;
  // It becomes the value of a label.
  const bool is_label = std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '.' || c == '-'; });
  if (!patch || !is_label || !is_letter_or_digit(text.back()) ||
      (!rest.empty() && rest.front() != '-' && rest.front() != '.'))
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("\"{}\" is no version of Spark", text),
                 .hint = "write all three numbers, such as 4.0.1"};
  if (const auto release = find_release(*major, *minor)) return SparkVersion{*release, std::string(text)};
  return unknown_release(text);
}

Result<std::optional<SparkVersion>> version_of_image(std::string_view image) {
  constexpr std::string_view kSpark = "spark";
  image = image.substr(0, image.find('@'));
  const std::size_t colon = image.rfind(':');
  if (colon == std::string_view::npos || image.find('/', colon) != std::string_view::npos)
    return std::optional<SparkVersion>();
  const std::string_view repository = image.substr(0, colon);
  std::string_view tag = image.substr(colon + 1);
  for (const std::string_view prefix : {"spark-", "v"})
    if (tag.starts_with(prefix)) tag.remove_prefix(prefix.size());
  tag = tag.substr(0, tag.find_first_not_of("0123456789."));
  while (tag.ends_with('.'))
    tag.remove_suffix(1);
  std::string_view rest = tag;
  const auto major = take_number(rest);
  const auto minor = major && take_dot(rest) ? take_number(rest) : std::nullopt;
  if (!minor) return std::optional<SparkVersion>();
  if (const auto release = find_release(*major, *minor)) return std::optional(SparkVersion{*release, std::string(tag)});
  if (repository.substr(repository.rfind('/') + 1).find(kSpark) == std::string_view::npos)
    return std::optional<SparkVersion>();
  return unknown_release(tag).with_hint("--spark-version says which Spark the image has, if its tag is another's");
}

SparkVersion newest_spark_version() {
  return {kReleases.back().release, fmt::format("{}.{}.0", kReleases.back().major, kReleases.back().minor)};
}

}  // namespace stoker::spark
