#include "workers/py4j_codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace stoker::workers::py4j {
namespace {

TEST(Py4jCodec, EscapesWhatWouldBreakALine) {
  EXPECT_EQ(escape("a\\b\nc\rd"), "a\\\\b\\nc\\rd");
  EXPECT_EQ(unescape("a\\\\b\\nc\\rd"), "a\\b\nc\rd");
  EXPECT_EQ(unescape("C:\\\\new"), "C:\\new");
  EXPECT_EQ(unescape("odd\\"), "odd\\");
  EXPECT_EQ(unescape("\\x"), "\\x");
}

TEST(Py4jCodec, EveryStringSurvivesTheWay) {
  for (const std::string& text :
       std::vector<std::string>{"", "\\", "\\\\n", "\n\n", "\\\n", "ü 漢\r\n", std::string("\0x", 2)}) {
    EXPECT_EQ(unescape(escape(text)), text);
  }
}

TEST(Py4jCodec, ArgumentsCarryTheirJavaType) {
  EXPECT_EQ(encode_argument(Value()), "n\n");
  EXPECT_EQ(encode_argument(true), "btrue\n");
  EXPECT_EQ(encode_argument(std::int32_t{-5}), "i-5\n");
  EXPECT_EQ(encode_argument(std::int64_t{5'000'000'000}), "L5000000000\n");
  EXPECT_EQ(encode_argument(0.5), "d0.5\n");
  EXPECT_EQ(encode_argument(-std::numeric_limits<double>::infinity()), "d-Infinity\n");
  EXPECT_EQ(encode_argument(std::string("a\nb")), "sa\\nb\n");
  EXPECT_EQ(encode_argument(Reference{"o7"}), "ro7\n");
}

TEST(Py4jCodec, RequestsAreThoseOfThePythonClient) {
  EXPECT_EQ(encode_authentication("abc"), "A\nabc\n");
  EXPECT_EQ(encode_call({"o3"}, "put", {std::string("k"), std::int32_t{1}}), "c\no3\nput\nsk\ni1\ne\n");
  EXPECT_EQ(encode_static_call("java.lang.System", "nanoTime", {}), "c\nz:java.lang.System\nnanoTime\ne\n");
  EXPECT_EQ(encode_constructor("java.util.ArrayList", {}), "i\njava.util.ArrayList\ne\n");
  EXPECT_EQ(encode_field({"o3"}, "size"), "f\ng\no3\nsize\ne\n");
  EXPECT_EQ(encode_static_field("a.B$", "MODULE$"), "r\nm\na.B$\nMODULE$\ne\n");
  EXPECT_EQ(encode_array_length({"o1"}), "a\ne\no1\ne\n");
  EXPECT_EQ(encode_array_item({"o1"}, 2), "a\ng\no1\ni2\ne\n");
  EXPECT_EQ(encode_release({"o1"}), "m\nd\no1\ne\n");
  EXPECT_EQ(encode_stack_trace({"o1"}), "p\nro1\ne\n");
}

Value returned(std::string_view line) {
  auto answer = decode_answer(line);
  EXPECT_TRUE(answer.ok()) << line;
  return answer.ok() ? std::get<Returned>(*answer).value : Value(std::string("not decoded"));
}

TEST(Py4jCodec, ReadsReturnedValues) {
  EXPECT_EQ(returned("!yv"), Value());
  EXPECT_EQ(returned("!yn"), Value());
  EXPECT_EQ(returned("!ybtrue"), Value(true));
  EXPECT_EQ(returned("!ybfalse"), Value(false));
  EXPECT_EQ(returned("!yi-3"), Value(std::int32_t{-3}));
  EXPECT_EQ(returned("!yL12345678901"), Value(std::int64_t{12345678901}));
  EXPECT_EQ(returned("!yd1.5E-3"), Value(0.0015));
  EXPECT_TRUE(std::isnan(std::get<double>(returned("!ydNaN"))));
  EXPECT_EQ(returned("!ysa\\nb"), Value(std::string("a\nb")));
  EXPECT_EQ(returned("!ys"), Value(std::string()));
  EXPECT_EQ(returned("!yro12"), Value(Reference{"o12"}));
  EXPECT_EQ(returned("!ylo13"), Value(Reference{"o13"}));
  EXPECT_EQ(returned("!yto14"), Value(Reference{"o14"}));
}

TEST(Py4jCodec, TellsAnExceptionFromARefusal) {
  auto threw = decode_answer("!xro4");
  ASSERT_TRUE(threw.ok());
  EXPECT_EQ(std::get<Threw>(*threw).exception.id, "o4");
  auto refused = decode_answer("!xspy4j.Py4JException: no such method\\n at x");
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(std::get<Refused>(*refused).message, "py4j.Py4JException: no such method\n at x");
  EXPECT_TRUE(std::holds_alternative<Refused>(*decode_answer("!x")));
  EXPECT_TRUE(std::holds_alternative<Refused>(*decode_answer("!z")));
}

TEST(Py4jCodec, RubbishIsAnError) {
  for (std::string_view line : {"", "!", "hello", "!q", "!yi", "!yi12x", "!yi99999999999", "!yr", "!yd", "!yQ5"}) {
    auto answer = decode_answer(line);
    ASSERT_FALSE(answer.ok()) << line;
    EXPECT_EQ(answer.error().code, ErrorCode::corrupt);
  }
}

}  // namespace
}  // namespace stoker::workers::py4j
