#include "workers/py4j_codec.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/overloaded.h"

namespace stoker::workers::py4j {

namespace {

constexpr std::size_t kShownBytes = 80;

std::string line(std::string_view text) {
  return std::string(text) + "\n";
}

std::string encode_arguments(const Arguments& arguments) {
  std::string text;
  for (const auto& argument : arguments)
    text += encode_argument(argument);
  return text + "e\n";
}

std::string encode_double(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return fmt::format("{}", value);
}

Error bad_answer(std::string_view text) {
  return Error{.code = ErrorCode::corrupt,
               .message = "not an answer of a Py4J gateway: \"" + std::string(text.substr(0, kShownBytes)) + "\""};
}

template <class Number>
Result<Value> parse_integer(std::string_view text, std::string_view whole) {
  Number number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return bad_answer(whole);
  return Value(number);
}

Result<Value> parse_double(std::string_view text, std::string_view whole) {
  if (text == "NaN") return Value(std::numeric_limits<double>::quiet_NaN());
  if (text == "Infinity") return Value(std::numeric_limits<double>::infinity());
  if (text == "-Infinity") return Value(-std::numeric_limits<double>::infinity());
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return bad_answer(whole);
  return Value(number);
}

Result<Value> parse_value(std::string_view typed, std::string_view whole) {
  if (typed.empty()) return Value();
  std::string_view rest = typed.substr(1);
  switch (typed[0]) {
    case 'n':
    case 'v': return Value();
    case 'b': return Value(rest == "true" || rest == "True");
    case 'i': return parse_integer<std::int32_t>(rest, whole);
    case 'L': return parse_integer<std::int64_t>(rest, whole);
    case 'd': return parse_double(rest, whole);
    case 's': return Value(unescape(rest));
    case 'D':  // a decimal and bytes, as their text
    case 'j': return Value(std::string(rest));
    case 'r':  // any object; then the kinds of object that Python has a type for: list, map, set, array, iterator
    case 'l':
    case 'a':
    case 'h':
    case 't':
    case 'g':
      if (rest.empty()) return bad_answer(whole);
      return Value(Reference{std::string(rest)});
    default: return bad_answer(whole);
  }
}

}  // namespace

std::string escape(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '\\': escaped += "\\\\"; break;
      case '\n': escaped += "\\n"; break;
      case '\r': escaped += "\\r"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

std::string unescape(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    switch (text[++i]) {
      case '\\': plain += '\\'; break;
      case 'n': plain += '\n'; break;
      case 'r': plain += '\r'; break;
      default: (plain += '\\') += text[i];
    }
  }
  return plain;
}

std::string encode_argument(const Value& value) {
  std::string text = std::visit(overloaded{
                                    [](std::monostate) { return std::string("n"); },
                                    [](bool flag) { return std::string(flag ? "btrue" : "bfalse"); },
                                    [](std::int32_t number) { return "i" + std::to_string(number); },
                                    [](std::int64_t number) { return "L" + std::to_string(number); },
                                    [](double number) { return "d" + encode_double(number); },
                                    [](const std::string& string) { return "s" + escape(string); },
                                    [](const Reference& reference) { return "r" + reference.id; },
                                },
                                value);
  return line(text);
}

std::string encode_authentication(std::string_view secret) {
  return "A\n" + line(escape(secret));  // the one command without an end
}

std::string encode_call(const Reference& target, std::string_view method, const Arguments& arguments) {
  return "c\n" + line(target.id) + line(method) + encode_arguments(arguments);
}

std::string encode_static_call(std::string_view class_name, std::string_view method, const Arguments& arguments) {
  return "c\nz:" + line(class_name) + line(method) + encode_arguments(arguments);
}

std::string encode_constructor(std::string_view class_name, const Arguments& arguments) {
  return "i\n" + line(class_name) + encode_arguments(arguments);
}

std::string encode_field(const Reference& target, std::string_view field) {
  return "f\ng\n" + line(target.id) + line(field) + "e\n";
}

std::string encode_static_field(std::string_view class_name, std::string_view field) {
  return "r\nm\n" + line(class_name) + line(field) + "e\n";
}

std::string encode_array_length(const Reference& array) {
  return "a\ne\n" + line(array.id) + "e\n";
}

std::string encode_array_item(const Reference& array, std::int32_t index) {
  return "a\ng\n" + line(array.id) + encode_argument(index) + "e\n";
}

std::string encode_release(const Reference& object) {
  return "m\nd\n" + line(object.id) + "e\n";
}

std::string encode_stack_trace(const Reference& exception) {
  return "p\n" + encode_argument(exception) + "e\n";
}

Result<Answer> decode_answer(std::string_view text) {
  std::string_view rest = text;
  if (!rest.empty() && rest[0] == '!') rest.remove_prefix(1);
  if (rest.empty()) return bad_answer(text);
  char outcome = rest[0];
  rest.remove_prefix(1);
  if (outcome == 'y') {
    TRY_ASSIGN(Value value, parse_value(rest, text));
    return Answer(Returned{std::move(value)});
  }
  if (outcome != 'x' && outcome != 'z') return bad_answer(text);
  if (rest.size() > 1 && rest[0] == 'r') return Answer(Threw{Reference{std::string(rest.substr(1))}});
  if (!rest.empty() && rest[0] == 's') return Answer(Refused{unescape(rest.substr(1))});
  return Answer(Refused{"the gateway gave no reason"});
}

}  // namespace stoker::workers::py4j
