#include "codec/duration.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace stoker::codec {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr std::array<Unit, 5> kUnits = {{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

Error bad(std::string_view text, std::string_view why) {
  return {.code = ErrorCode::invalid_value,
          .message = fmt::format("\"{}\" is not a duration: {}", text, why),
          .hint = "write for example 500ms, 30s, 1.5h or 1h30m"};
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::string_view rest = text;
  double total = 0;
  std::size_t next_unit = 0;
  bool fraction = false;
  if (rest.empty()) return bad(text, "it is empty");
  while (!rest.empty()) {
    if (fraction) return bad(text, "a fraction may stand only in front of the last unit");
    const auto digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    const auto number = rest.substr(0, digits);
    double amount = 0;
    const auto [end, failure] =
        std::from_chars(number.data(), number.data() + number.size(), amount, std::chars_format::fixed);
    if (failure != std::errc() || end != number.data() + number.size() || number.front() == '.' ||
        number.back() == '.') {
      return bad(text, "a number must come first");
    }
    fraction = number.find('.') != std::string_view::npos;
    rest.remove_prefix(digits);
    const auto name = rest.substr(0, std::min(rest.find_first_of("0123456789."), rest.size()));
    if (name.empty()) return bad(text, "it has no unit (ms, s, m, h or d)");
    std::size_t unit = next_unit;
    while (unit < kUnits.size() && kUnits[unit].name != name)
      ++unit;
    if (unit == kUnits.size()) {
      for (const auto& known : kUnits) {
        if (known.name == name) return bad(text, "its units must go from large to small");
      }
      return bad(text, fmt::format("\"{}\" is no unit (ms, s, m, h or d)", name));
    }
    total += amount * static_cast<double>(kUnits[unit].milliseconds);
    if (!(total <= static_cast<double>(std::chrono::milliseconds(kMaximumDuration).count()))) {
      return bad(text, "it is longer than ten years");
    }
    next_unit = unit + 1;
    rest.remove_prefix(name.size());
  }
  const auto milliseconds = std::llround(total);
  if (milliseconds == 0 && total > 0) return bad(text, "it is shorter than a millisecond");
  return std::chrono::milliseconds(milliseconds);
}

std::string format_duration(std::chrono::milliseconds duration) {
  auto rest = duration.count();
  if (rest == 0) return "0s";
  std::string text;
  if (rest < 0) return "-" + format_duration(-duration);
  for (const auto& unit : kUnits) {
    if (const auto amount = rest / unit.milliseconds; amount > 0) text += fmt::format("{}{}", amount, unit.name);
    rest %= unit.milliseconds;
  }
  return text;
}

}  // namespace stoker::codec
