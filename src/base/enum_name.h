// Names of an enum's values, from one array in the order of the enum.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace stoker {

template <class Enum, std::size_t count>
std::string_view enum_name(const std::array<std::string_view, count>& names, Enum value) {
  return names.at(static_cast<std::size_t>(value));
}

template <class Enum, std::size_t count>
std::optional<Enum> find_enum(const std::array<std::string_view, count>& names, std::string_view name) {
  for (std::size_t i = 0; i < count; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace stoker
