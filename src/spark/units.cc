#include "spark/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

#include "spark/java/text.h"

namespace stoker::spark {

namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

template <class Unit>
struct UnitRow {
  std::string_view suffix;
  Unit unit;
};

constexpr std::array kSizes = {
    UnitRow<SizeUnit>{"b", SizeUnit::byte},      UnitRow<SizeUnit>{"k", SizeUnit::kibibyte},
    UnitRow<SizeUnit>{"kb", SizeUnit::kibibyte}, UnitRow<SizeUnit>{"m", SizeUnit::mebibyte},
    UnitRow<SizeUnit>{"mb", SizeUnit::mebibyte}, UnitRow<SizeUnit>{"g", SizeUnit::gibibyte},
    UnitRow<SizeUnit>{"gb", SizeUnit::gibibyte}, UnitRow<SizeUnit>{"t", SizeUnit::tebibyte},
    UnitRow<SizeUnit>{"tb", SizeUnit::tebibyte}, UnitRow<SizeUnit>{"p", SizeUnit::pebibyte},
    UnitRow<SizeUnit>{"pb", SizeUnit::pebibyte},
};
constexpr std::array kTimes = {
    UnitRow<TimeUnit>{"us", TimeUnit::microsecond}, UnitRow<TimeUnit>{"ms", TimeUnit::millisecond},
    UnitRow<TimeUnit>{"s", TimeUnit::second},       UnitRow<TimeUnit>{"m", TimeUnit::minute},
    UnitRow<TimeUnit>{"min", TimeUnit::minute},     UnitRow<TimeUnit>{"h", TimeUnit::hour},
    UnitRow<TimeUnit>{"d", TimeUnit::day},
};

std::int64_t bytes_of(SizeUnit unit) {
  return std::int64_t{1} << (10 * static_cast<int>(unit));
}

std::int64_t microseconds_of(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::microsecond: return 1;
    case TimeUnit::millisecond: return 1'000;
    case TimeUnit::second: return 1'000'000;
    case TimeUnit::minute: return 60'000'000;
    case TimeUnit::hour: return 3'600'000'000;
    case TimeUnit::day: return 86'400'000'000;
  }
  return 1;
}

template <class Unit>
struct Amount {
  std::int64_t number = 0;
  Unit unit;
};

// A whole number and, directly after it, one of the suffixes; `otherwise` where there is none.
template <class Unit, std::size_t N>
std::optional<Amount<Unit>> amount_of(std::string_view text, const std::array<UnitRow<Unit>, N>& rows, Unit otherwise) {
  const std::string_view whole = java_trim(text);
  Amount<Unit> amount{0, otherwise};
  const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), amount.number);
  if (error != std::errc()) return std::nullopt;
  std::string suffix(whole.substr(static_cast<std::size_t>(end - whole.data())));
  if (suffix.empty()) return amount;
  std::ranges::transform(suffix, suffix.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const auto row = std::ranges::find(rows, std::string_view(suffix), &UnitRow<Unit>::suffix);
  if (row == rows.end()) return std::nullopt;
  amount.unit = row->unit;
  return amount;
}

Error unreadable(std::string_view text, std::string_view what, std::string_view hint) {
  return {ErrorCode::invalid_value, fmt::format("\"{}\" is no {}", text, what), std::string(hint), {}, false};
}

}  // namespace

Result<std::int64_t> parse_size(std::string_view text, SizeUnit unit) {
  const auto amount = amount_of(text, kSizes, unit);
  if (!amount || amount->number < 0)
    return unreadable(text, "size", "write a whole number and a unit: 512m, 2g (b, k, m, g, t, p)");
  const std::int64_t from = bytes_of(amount->unit);
  const std::int64_t to = bytes_of(unit);
  if (from < to) return amount->number / (to / from);
  if (amount->number > kMost / (from / to))
    return unreadable(text, "size that a computer has", "write a smaller number or unit");
  return amount->number * (from / to);
}

Result<std::int64_t> parse_time(std::string_view text, TimeUnit unit) {
  const auto amount = amount_of(text, kTimes, unit);
  if (!amount)
    return unreadable(text, "time", "write a whole number and a unit: 500ms, 30s, 10min (us, ms, s, m, h, d)");
  const std::int64_t from = microseconds_of(amount->unit);
  const std::int64_t to = microseconds_of(unit);
  if (from < to) return amount->number / (to / from);
  const std::int64_t limit = kMost / (from / to);
  if (amount->number > limit) return kMost;
  if (amount->number < -limit) return std::numeric_limits<std::int64_t>::min();
  return amount->number * (from / to);
}

}  // namespace stoker::spark
