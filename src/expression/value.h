// What evaluation handles: JSON values, borrowed from the scope as long as nobody must own them, and their common
// operations.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "codec/json.h"

namespace stoker::expression {

// Owns a value, or points to one that outlives the evaluation. Not thread-safe.
class Value {
 public:
  Value(json::value owned) : owned_(std::move(owned)) {}
  static Value borrow(const json::value& value) {
    Value result{json::value(nullptr)};
    result.borrowed_ = &value;
    return result;
  }

  const json::value& get() const { return borrowed_ != nullptr ? *borrowed_ : owned_; }
  bool borrowed() const { return borrowed_ != nullptr; }
  json::value take() && {
    if (borrowed_ != nullptr) return *borrowed_;
    return std::move(owned_);
  }
  // A part of this value (a pointer into get()), owned or borrowed as the whole is.
  Value part(const json::value& inner) &&;

 private:
  const json::value* borrowed_ = nullptr;
  json::value owned_;
};

enum class Kind { null, boolean, integer, floating, string, list, map, artifact, file, table, secret };

// Integers above the signed range are `integer` too; as_number refuses them. {"$value": m} is the map m.
Kind kind_of(const json::value& value);
// "int", "double", "artifact", …
std::string_view kind_name(Kind kind);
// Artifacts, files and secrets: handed on whole, compared, never looked into.
bool is_opaque(Kind kind);
// The map behind {"$value": m}, or the value itself.
const json::value& unwrap(const json::value& value);

using Number = std::variant<std::int64_t, double>;
// The value must be a number. Errors: out of the 64-bit signed range, not finite.
Result<Number> as_number(const json::value& value);
// Exact also between int and double: 9007199254740993 is not 9007199254740992.0.
std::partial_ordering compare_numbers(Number a, Number b);

// Deep equality; 1 equals 1.0, values of different kinds differ.
bool equal(const json::value& a, const json::value& b);

// Scalars but strings: null, true, 12, 1.5, 2.0 (a double keeps its point, so that the text tells its type).
std::string number_text(const json::value& value);
std::size_t code_points(std::string_view text);
// Rough memory of a value, for the byte budget.
std::int64_t approximate_bytes(const json::value& value);
std::size_t depth_of(const json::value& value);

}  // namespace stoker::expression
