#include "codec/time.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace stoker::codec {

namespace {

// Reads a time from left to right; every step fails for good once one has.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int number(std::size_t digits, int lowest, int highest) {
    int value = 0;
    if (rest_.size() < digits) return fail();
    const std::string_view text = rest_.substr(0, digits);
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || rest_[0] == '-' || value < lowest || value > highest)
      return fail();
    rest_.remove_prefix(digits);
    return value;
  }
  bool take(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(std::string_view any_of) {
    if (!take(any_of)) fail();
  }
  // Milliseconds of a fraction, further digits dropped.
  int fraction() {
    int value = 0;
    int digits = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++digits, rest_.remove_prefix(1)) {
      if (digits < 3) value = value * 10 + (rest_.front() - '0');
    }
    if (digits == 0) return fail();
    for (; digits < 3; ++digits)
      value *= 10;
    return value;
  }
  bool at_end() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool good() const { return good_; }

 private:
  int fail() {
    good_ = false;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

Result<WallTime> parse_time(std::string_view text) {
  using namespace std::chrono;
  Reader reader(text);
  const year y(reader.number(4, 1970, 9999));
  reader.expect("-");
  const month m(static_cast<unsigned>(reader.number(2, 1, 12)));
  reader.expect("-");
  const day d(static_cast<unsigned>(reader.number(2, 1, 31)));
  milliseconds of_day{0};
  if (!reader.at_end()) {
    reader.expect("Tt ");
    of_day += hours(reader.number(2, 0, 23));
    reader.expect(":");
    of_day += minutes(reader.number(2, 0, 59));
    reader.expect(":");
    of_day += seconds(reader.number(2, 0, 60));
    if (reader.take(".")) of_day += milliseconds(reader.fraction());
    if (!reader.take("Zz")) {
      const int sign = reader.peek() == '-' ? -1 : 1;
      reader.expect("+-");
      minutes offset = hours(reader.number(2, 0, 23));
      reader.expect(":");
      offset += minutes(reader.number(2, 0, 59));
      of_day -= sign * offset;
    }
  }
  const year_month_day date(y, m, d);
  if (!reader.good() || !reader.at_end() || !date.ok()) {
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("\"{}\" is no time", text),
                 .hint = "write it like 2026-01-01T00:00:00Z"};
  }
  return WallTime(sys_days(date)) + of_day;
}

std::string format_time(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

}  // namespace stoker::codec
