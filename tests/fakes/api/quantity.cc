#include "fakes/api/quantity.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace stoker::fakes {

namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kBinary{
    {{"Ti", 1LL << 40}, {"Gi", 1LL << 30}, {"Mi", 1LL << 20}, {"Ki", 1LL << 10}, {"", 1}}};
constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kDecimal{
    {{"T", 1'000'000'000'000}, {"G", 1'000'000'000}, {"M", 1'000'000}, {"k", 1'000}, {"", 1}}};

}  // namespace

std::string Quantity::text() const {
  if (milli == 0) return "0";
  if (milli % 1000 != 0) return fmt::format("{}m", milli);
  for (const auto& [suffix, size] : binary ? kBinary : kDecimal)
    if (milli / 1000 % size == 0) return fmt::format("{}{}", milli / 1000 / size, suffix);
  return std::to_string(milli / 1000);
}

std::optional<Quantity> parse_quantity(const json::value& value) {
  if (value.is_int64()) return Quantity{.milli = value.get_int64() * 1000};
  if (!value.is_string()) return std::nullopt;
  const std::string_view text = value.get_string();
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc()) return std::nullopt;
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (suffix == "m") return Quantity{.milli = std::llround(number)};
  for (const auto& [name, size] : kDecimal)
    if (suffix == name) return Quantity{.milli = std::llround(number * 1000 * static_cast<double>(size))};
  for (const auto& [name, size] : kBinary)
    if (suffix == name)
      return Quantity{.milli = std::llround(number * 1000 * static_cast<double>(size)), .binary = true};
  return std::nullopt;
}

}  // namespace stoker::fakes
