// The Py4J text protocol (0.10): what goes over the socket between us and a Spark JVM's gateway. Pure: text in, values
// out.
//
// A request is lines: a command letter, its parts, and "e". An answer is one line: "!y" and a typed value, or "!x" and
// what went wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace stoker::workers::py4j {

// An answer longer than this is not one that we ask for.
inline constexpr std::size_t kMaximumAnswerBytes = 16 * 1024 * 1024;

// An object in the JVM, by the gateway's id ("o12"). The gateway keeps it alive until it is released.
struct Reference {
  std::string id;
  friend bool operator==(const Reference&, const Reference&) = default;
};

// monostate is null, and what a void method returns. The width of an integer chooses the Java overload: int32_t is int,
// int64_t is long.
using Value = std::variant<std::monostate, bool, std::int32_t, std::int64_t, double, std::string, Reference>;
using Arguments = std::vector<Value>;

std::string escape(std::string_view text);
std::string unescape(std::string_view text);

std::string encode_argument(const Value& value);
std::string encode_authentication(std::string_view secret);
std::string encode_call(const Reference& target, std::string_view method, const Arguments& arguments);
std::string encode_static_call(std::string_view class_name, std::string_view method, const Arguments& arguments);
std::string encode_constructor(std::string_view class_name, const Arguments& arguments);
std::string encode_field(const Reference& target, std::string_view field);
std::string encode_static_field(std::string_view class_name, std::string_view field);
std::string encode_array_length(const Reference& array);
std::string encode_array_item(const Reference& array, std::int32_t index);
std::string encode_release(const Reference& object);
std::string encode_stack_trace(const Reference& exception);

// What the method did: it returned, it threw (an exception object in the JVM), or the gateway could not make the call
// at all.
struct Returned {
  Value value;
};
struct Threw {
  Reference exception;
};
struct Refused {
  std::string message;
};
using Answer = std::variant<Returned, Threw, Refused>;

// One answer line without its line end. An error of code `corrupt` when it is none.
Result<Answer> decode_answer(std::string_view line);

}  // namespace stoker::workers::py4j
