#include "codec/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <vector>

#include "codec/json_reader.h"

namespace stoker::codec {

Result<json::value> parse_json(std::string_view text, const JsonOptions& options) {
  auto read = read_json(text, options);
  if (read.failure) {
    return Error{.code = ErrorCode::invalid_document,
                 .message = fmt::format("invalid JSON at byte {}: {}", read.consumed, read.failure.message())};
  }
  if (read.has_infinity) {
    return Error{.code = ErrorCode::invalid_document, .message = "invalid JSON: a number is too large for a double"};
  }
  return std::move(read.value);
}

namespace {

// Boost.JSON writes 0.5 as 5E-1.
std::string scalar_text(const json::value& value) {
  const auto* number = value.if_double();
  if (number == nullptr) return json::serialize(value);
  auto text = fmt::format("{}", *number);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

void write_compact(const json::value& value, std::string& out) {
  if (const auto* object = value.if_object()) {
    out += '{';
    for (auto it = object->begin(); it != object->end(); ++it) {
      if (it != object->begin()) out += ',';
      out += json::serialize(it->key()) + ':';
      write_compact(it->value(), out);
    }
    out += '}';
  } else if (const auto* array = value.if_array()) {
    out += '[';
    for (auto it = array->begin(); it != array->end(); ++it) {
      if (it != array->begin()) out += ',';
      write_compact(*it, out);
    }
    out += ']';
  } else {
    out += scalar_text(value);
  }
}

void write_pretty(const json::value& value, std::size_t indent, std::string& out) {
  const std::string inner(indent + 2, ' ');
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    out += "{\n";
    for (auto it = object->begin(); it != object->end(); ++it) {
      if (it != object->begin()) out += ",\n";
      out += inner + json::serialize(it->key()) + ": ";
      write_pretty(it->value(), indent + 2, out);
    }
    out += "\n" + std::string(indent, ' ') + "}";
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    out += "[\n";
    for (auto it = array->begin(); it != array->end(); ++it) {
      if (it != array->begin()) out += ",\n";
      out += inner;
      write_pretty(*it, indent + 2, out);
    }
    out += "\n" + std::string(indent, ' ') + "]";
  } else if (value.is_object() || value.is_array()) {
    out += json::serialize(value);
  } else {
    out += scalar_text(value);
  }
}

void write_canonical(const json::value& value, std::string& out) {
  if (const auto* object = value.if_object()) {
    std::vector<const json::key_value_pair*> members;
    for (const auto& member : *object)
      members.push_back(&member);
    std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
    out += '{';
    for (const auto* member : members) {
      if (out.back() != '{') out += ',';
      out += json::serialize(member->key()) + ':';
      write_canonical(member->value(), out);
    }
    out += '}';
  } else if (const auto* array = value.if_array()) {
    out += '[';
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (i > 0) out += ',';
      write_canonical((*array)[i], out);
    }
    out += ']';
  } else {
    out += scalar_text(value);
  }
}

}  // namespace

std::string write_json(const json::value& value) {
  std::string out;
  write_compact(value, out);
  return out;
}

std::string write_json_pretty(const json::value& value) {
  std::string out;
  write_pretty(value, 0, out);
  return out + "\n";
}

std::string canonical_json(const json::value& value) {
  std::string out;
  write_canonical(value, out);
  return out;
}

}  // namespace stoker::codec
