// Reading members of a JSON object leniently: one that is missing or of another type is empty, never an error. For
// objects whose form was checked before, and for events that may come from a newer program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "codec/json.h"

namespace stoker::codec {

std::string text_of(const json::object& object, std::string_view key);
std::optional<std::string> optional_text(const json::object& object, std::string_view key);
// Whole numbers only, also those written as 3.0.
std::int64_t number_of(const json::object& object, std::string_view key, std::int64_t otherwise = 0);
std::optional<std::int64_t> optional_number(const json::object& object, std::string_view key);
double real_of(const json::object& object, std::string_view key);
bool flag_of(const json::object& object, std::string_view key, bool otherwise = false);
// Both live as long as what they are given.
const json::object& object_of(const json::value& value);
const json::object& object_of(const json::object& object, std::string_view key);

}  // namespace stoker::codec
