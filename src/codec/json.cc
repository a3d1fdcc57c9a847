#include "codec/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parser.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <vector>

namespace stoker::codec {

Result<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMaximumJsonDepth;
  json::parser parser({}, options);
  boost::system::error_code failure;
  const auto consumed = parser.write_some(text.data(), text.size(), failure);
  if (!failure && text.find_first_not_of(" \t\r\n", consumed) != std::string_view::npos) {
    failure = json::error::extra_data;
  }
  if (failure) {
    return Error{.code = ErrorCode::invalid_document,
                 .message = fmt::format("invalid JSON at byte {}: {}", consumed, failure.message())};
  }
  return parser.release();
}

std::string write_json(const json::value& value) { return json::serialize(value); }

namespace {

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
  } else {
    out += json::serialize(value);
  }
}

void write_canonical(const json::value& value, std::string& out) {
  if (const auto* object = value.if_object()) {
    std::vector<const json::key_value_pair*> members;
    for (const auto& member : *object) members.push_back(&member);
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
  } else if (const auto* number = value.if_double()) {
    auto text = fmt::format("{}", *number);
    if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
    out += text;
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

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
