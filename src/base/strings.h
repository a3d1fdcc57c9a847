// Small text helpers that the standard library lacks.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stoker {

// The candidate that a person most likely meant (Damerau-Levenshtein distance at most a third of the length, at least
// 1), or none.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);
// `did you mean "x"?`, or "" when nothing is near.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string_view trim(std::string_view text);
// Of A to Z alone.
std::string lower_case(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace stoker
