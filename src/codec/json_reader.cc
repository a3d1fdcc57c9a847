#include "codec/json_reader.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cmath>
#include <string>

namespace stoker::codec {

namespace {

// What basic_parser calls for each piece of the text (its "handler" concept).
class Handler {
 public:
  using Code = boost::system::error_code;
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  json::value release() { return values_.release(); }
  bool has_infinity() const { return has_infinity_; }

  bool on_document_begin(Code&) {
    values_.reset();
    return true;
  }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t members, Code&) {
    values_.push_object(members);
    return true;
  }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t items, Code&) {
    values_.push_array(items);
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, Code&) {
    values_.push_chars(part);
    return true;
  }
  bool on_key(json::string_view rest, std::size_t, Code&) {
    values_.push_key(rest);
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, Code&) {
    values_.push_chars(part);
    return true;
  }
  bool on_string(json::string_view rest, std::size_t, Code&) {
    values_.push_string(rest);
    return true;
  }
  bool on_number_part(json::string_view part, Code&) {
    number_ += part;
    return true;
  }
  bool on_int64(std::int64_t value, json::string_view, Code&) {
    number_.clear();
    values_.push_int64(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, json::string_view, Code&) {
    number_.clear();
    values_.push_uint64(value);
    return true;
  }
  bool on_double(double approximate, json::string_view rest, Code&) {
    number_ += rest;
    double value = approximate;
    // Below the smallest double the result stays Boost's: 0.
    std::from_chars(number_.data(), number_.data() + number_.size(), value);
    number_.clear();
    has_infinity_ = has_infinity_ || !std::isfinite(value);
    values_.push_double(value);
    return true;
  }
  bool on_bool(bool value, Code&) {
    values_.push_bool(value);
    return true;
  }
  bool on_null(Code&) {
    values_.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, Code&) { return true; }
  bool on_comment(json::string_view, Code&) { return true; }

 private:
  json::value_stack values_;
  std::string number_;
  bool has_infinity_ = false;
};

}  // namespace

JsonText read_json(std::string_view text, const JsonOptions& options) {
  json::parse_options parse_options;
  parse_options.max_depth = options.maximum_depth;
  parse_options.allow_invalid_utf8 = options.allow_invalid_utf8;
  json::basic_parser<Handler> parser(parse_options);
  JsonText result;
  result.consumed = parser.write_some(false, text.data(), text.size(), result.failure);
  if (!result.failure) {
    const auto rest = text.find_first_not_of(" \t\r\n", result.consumed);
    if (rest != std::string_view::npos) {
      result.failure = json::error::extra_data;
      result.consumed = rest;
    }
  }
  if (!result.failure) result.value = parser.handler().release();
  result.has_infinity = parser.handler().has_infinity();
  return result;
}

}  // namespace stoker::codec
