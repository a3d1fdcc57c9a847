#include "expression/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>

namespace stoker::expression {

Value Value::part(const json::value& inner) && {
  if (borrowed_ != nullptr) return borrow(inner);
  // `inner` lives in owned_, which is ours to take apart.
  return Value(std::move(const_cast<json::value&>(inner)));
}

namespace {

const json::value* sole_member(const json::value& value, std::string_view key) {
  const auto* object = value.if_object();
  if (object == nullptr || object->size() != 1 || object->begin()->key() != key) return nullptr;
  return &object->begin()->value();
}

}  // namespace

Kind kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return Kind::null;
    case json::kind::bool_: return Kind::boolean;
    case json::kind::int64:
    case json::kind::uint64: return Kind::integer;
    case json::kind::double_: return Kind::floating;
    case json::kind::string: return Kind::string;
    case json::kind::array: return Kind::list;
    case json::kind::object: break;
  }
  if (sole_member(value, "$artifact") != nullptr) return Kind::artifact;
  if (sole_member(value, "$file") != nullptr) return Kind::file;
  if (sole_member(value, "$table") != nullptr) return Kind::table;
  if (sole_member(value, "$secret") != nullptr) return Kind::secret;
  return Kind::map;
}

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::null: return "null";
    case Kind::boolean: return "bool";
    case Kind::integer: return "int";
    case Kind::floating: return "double";
    case Kind::string: return "string";
    case Kind::list: return "list";
    case Kind::map: return "map";
    case Kind::artifact: return "artifact";
    case Kind::file: return "file";
    case Kind::table: return "table";
    case Kind::secret: return "secret";
  }
  return {};
}

bool is_opaque(Kind kind) {
  return kind == Kind::artifact || kind == Kind::file || kind == Kind::table || kind == Kind::secret;
}

const json::value& unwrap(const json::value& value) {
  const auto* inner = sole_member(value, "$value");
  return inner != nullptr && inner->is_object() ? *inner : value;
}

Result<Number> as_number(const json::value& value) {
  if (const auto* integer = value.if_int64()) return Number{*integer};
  if (const auto* large = value.if_uint64()) {
    if (*large > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return Error{.code = ErrorCode::evaluation,
                   .message = fmt::format("integer {} is outside the 64-bit range", *large)};
    }
    return Number{static_cast<std::int64_t>(*large)};
  }
  const double floating = value.get_double();
  if (!std::isfinite(floating)) {
    return Error{.code = ErrorCode::evaluation, .message = fmt::format("{} is not a finite number", floating)};
  }
  return Number{floating};
}

std::partial_ordering compare_numbers(Number a, Number b) {
  if (a.index() == b.index()) {
    if (const auto* x = std::get_if<std::int64_t>(&a)) return *x <=> std::get<std::int64_t>(b);
    return std::get<double>(a) <=> std::get<double>(b);
  }
  if (std::holds_alternative<double>(a)) {
    const auto mirrored = compare_numbers(b, a);
    return mirrored < 0 ? std::partial_ordering::greater : mirrored > 0 ? std::partial_ordering::less : mirrored;
  }
  const auto integer = std::get<std::int64_t>(a);
  const auto floating = std::get<double>(b);
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (floating >= kTwoTo63) return std::partial_ordering::less;
  if (floating < -kTwoTo63) return std::partial_ordering::greater;
  const double whole = std::trunc(floating);
  const auto as_integer = static_cast<std::int64_t>(whole);
  if (integer != as_integer) return integer <=> as_integer;
  return whole <=> floating;
}

bool equal(const json::value& left, const json::value& right) {
  const auto& a = unwrap(left);
  const auto& b = unwrap(right);
  if (a.is_number() && b.is_number()) {
    if (a.is_uint64() || b.is_uint64()) return a == b;
    return compare_numbers(a.is_int64() ? Number{a.get_int64()} : Number{a.get_double()},
                           b.is_int64() ? Number{b.get_int64()} : Number{b.get_double()}) == 0;
  }
  if (a.kind() != b.kind()) return false;
  if (const auto* list = a.if_array()) {
    return std::equal(list->begin(), list->end(), b.get_array().begin(), b.get_array().end(), equal);
  }
  if (const auto* map = a.if_object()) {
    const auto& other = b.get_object();
    return map->size() == other.size() && std::all_of(map->begin(), map->end(), [&](const auto& member) {
             const auto* value = other.if_contains(member.key());
             return value != nullptr && equal(member.value(), *value);
           });
  }
  return a == b;
}

std::string number_text(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return value.get_bool() ? "true" : "false";
    case json::kind::int64: return fmt::format("{}", value.get_int64());
    case json::kind::uint64: return fmt::format("{}", value.get_uint64());
    case json::kind::double_: {
      auto text = fmt::format("{}", value.get_double());
      if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
      return text;
    }
    default: return {};
  }
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::int64_t approximate_bytes(const json::value& value) {
  auto bytes = static_cast<std::int64_t>(sizeof(json::value));
  if (const auto* text = value.if_string()) {
    bytes += static_cast<std::int64_t>(text->size());
  } else if (const auto* list = value.if_array()) {
    for (const auto& item : *list)
      bytes += approximate_bytes(item);
  } else if (const auto* map = value.if_object()) {
    for (const auto& member : *map) {
      bytes += static_cast<std::int64_t>(member.key().size() + sizeof(json::string_view)) +
               approximate_bytes(member.value());
    }
  }
  return bytes;
}

std::size_t depth_of(const json::value& value) {
  std::size_t deepest = 0;
  if (const auto* list = value.if_array()) {
    for (const auto& item : *list)
      deepest = std::max(deepest, depth_of(item));
  } else if (const auto* map = value.if_object()) {
    for (const auto& member : *map)
      deepest = std::max(deepest, depth_of(member.value()));
  } else {
    return 0;
  }
  return deepest + 1;
}

}  // namespace stoker::expression
