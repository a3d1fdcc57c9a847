#include "spark/spark_version.h"

#include <fmt/format.h>

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

}  // namespace

Result<SparkVersion> parse_spark_version(std::string_view text) {
  std::string_view rest = text;
  const auto major = take_number(rest);
  const auto minor = major && take_dot(rest) ? take_number(rest) : std::nullopt;
  const auto patch = minor && take_dot(rest) ? take_number(rest) : std::nullopt;
  if (!patch || (!rest.empty() && rest.front() != '-' && rest.front() != '.' && rest.front() != '+'))
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("\"{}\" is no version of Spark", text),
                 .hint = "write all three numbers, such as 4.0.1"};
  for (const ReleaseRow& row : kReleases)
    if (row.major == *major && row.minor == *minor) return SparkVersion{row.release, std::string(text)};
  return Error{.code = ErrorCode::unsupported,
               .message = fmt::format("what Spark {} submits is not known", text),
               .hint = fmt::format("known are Spark {}.{} to {}.{}; for others use their own spark-submit",
                                   kReleases.front().major, kReleases.front().minor, kReleases.back().major,
                                   kReleases.back().minor)};
}

SparkVersion newest_spark_version() {
  return {kReleases.back().release, fmt::format("{}.{}.0", kReleases.back().major, kReleases.back().minor)};
}

}  // namespace stoker::spark
