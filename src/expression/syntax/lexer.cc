#include "expression/syntax/lexer.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace stoker::expression {

namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Two characters first: the longest match wins.
constexpr std::array<std::string_view, 24> kSymbols{"&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/",
                                                    "%",  "!",  "?",  ":",  ".",  ",",  "(", ")", "[", "]", "{", "}"};

int digit_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

}  // namespace

void append_utf8(std::uint32_t point, std::string& out) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6));
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3F));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

bool Lexer::fail(std::size_t offset, std::string message, std::string hint) {
  problem_ = {offset, {.code = ErrorCode::invalid_expression, .message = std::move(message), .hint = std::move(hint)}};
  return false;
}

bool Lexer::next(Token& token) {
  while (at_ < text_.size() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r'))
    ++at_;
  token = Token{.offset = at_};
  if (at_ >= text_.size()) return true;
  const char c = peek();
  const char after = peek(1);
  bool ok = true;
  if (c == '"' || c == '\'') {
    ok = string(token, false);
  } else if ((c == 'r' || c == 'R') && (after == '"' || after == '\'')) {
    ++at_;
    ok = string(token, true);
  } else if ((c == 'b' || c == 'B') && (after == '"' || after == '\'')) {
    return fail(at_, "bytes literals are not supported", "write a string without the b");
  } else if (is_digit(c) || (c == '.' && is_digit(after))) {
    ok = number(token);
  } else if (is_letter(c)) {
    while (is_letter(peek()) || is_digit(peek()))
      ++at_;
    token.kind = TokenKind::identifier;
  } else {
    ok = symbol(token);
  }
  token.text = text_.substr(token.offset, at_ - token.offset);
  return ok;
}

bool Lexer::number(Token& token) {
  if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) return hexadecimal(token);
  bool floating = false;
  while (is_digit(peek()))
    ++at_;
  if (peek() == '.' && is_digit(peek(1))) {
    floating = true;
    ++at_;
    while (is_digit(peek()))
      ++at_;
  }
  const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
  if ((peek() == 'e' || peek() == 'E') && is_digit(peek(sign))) {
    floating = true;
    at_ += sign;
    while (is_digit(peek()))
      ++at_;
  }
  const auto digits = text_.substr(token.offset, at_ - token.offset);
  if (is_letter(peek())) {
    return fail(token.offset, fmt::format("{}{} is not a number", digits, peek()),
                peek() == 'u' || peek() == 'U' ? "integers have no suffix" : "");
  }
  if (floating) {
    token.kind = TokenKind::floating;
    // A leading point is CEL; from_chars takes it too.
    std::from_chars(digits.data(), digits.data() + digits.size(), token.floating);
    const bool written_zero =
        digits.substr(0, digits.find_first_of("eE")).find_first_of("123456789") == std::string_view::npos;
    if (!std::isfinite(token.floating) || (token.floating == 0 && !written_zero)) {
      return fail(token.offset, fmt::format("number {} is out of range", digits));
    }
    return true;
  }
  token.kind = TokenKind::integer;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), token.integer);
  if (parsed.ec != std::errc())
    return fail(token.offset, fmt::format("integer {} is outside the 64-bit range", digits));
  return true;
}

bool Lexer::hexadecimal(Token& token) {
  at_ += 2;
  const auto start = at_;
  while (digit_value(peek()) < 16)
    ++at_;
  const auto digits = text_.substr(start, at_ - start);
  if (digits.empty() || is_letter(peek())) return fail(token.offset, "0x needs hexadecimal digits");
  token.kind = TokenKind::integer;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), token.integer, 16).ec != std::errc()) {
    return fail(token.offset, fmt::format("integer 0x{} is outside the 64-bit range", digits));
  }
  return true;
}

bool Lexer::string(Token& token, bool raw) {
  const char quote = peek();
  const bool triple = peek(1) == quote && peek(2) == quote;
  at_ += triple ? 3 : 1;
  while (true) {
    if (at_ >= text_.size() || (!triple && peek() == '\n')) {
      return fail(token.offset, "string without its end",
                  fmt::format("close it with {}", std::string(triple ? 3 : 1, quote)));
    }
    if (peek() == quote && (!triple || (peek(1) == quote && peek(2) == quote))) break;
    if (peek() == '\\' && !raw) {
      if (!escape(token.string)) return false;
    } else {
      token.string += text_[at_++];
    }
  }
  at_ += triple ? 3 : 1;
  token.kind = TokenKind::string;
  return true;
}

bool Lexer::escape(std::string& out) {
  const char c = peek(1);
  constexpr std::string_view kPlain = "\\\"'`?";
  constexpr std::string_view kLetters = "abfnrtv";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v";
  if (at_ + 1 < text_.size() && kPlain.find(c) != std::string_view::npos) {
    out += c;
    at_ += 2;
    return true;
  }
  if (const auto letter = kLetters.find(c); at_ + 1 < text_.size() && letter != std::string_view::npos) {
    out += kMeanings[letter];
    at_ += 2;
    return true;
  }
  switch (c) {
    case 'x':
    case 'X': return code_point(2, 16, out);
    case 'u': return code_point(4, 16, out);
    case 'U': return code_point(8, 16, out);
    default: break;
  }
  if (c >= '0' && c <= '3') return code_point(3, 8, out);
  return fail(at_, fmt::format("unknown escape \\{}", is_letter(c) || is_digit(c) ? std::string(1, c) : std::string()),
              R"(write \\ for a backslash, or r"…" for a string without escapes)");
}

bool Lexer::code_point(std::size_t digits, std::uint32_t base, std::string& out) {
  const auto start = at_;
  at_ += base == 8 ? 1 : 2;
  std::uint32_t point = 0;
  for (std::size_t i = 0; i < digits; ++i, ++at_) {
    const auto digit = static_cast<std::uint32_t>(digit_value(peek()));
    if (digit >= base) return fail(start, fmt::format("this escape needs {} digits", digits));
    point = point * base + digit;
  }
  if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return fail(start, "this escape is not a character");
  append_utf8(point, out);
  return true;
}

bool Lexer::symbol(Token& token) {
  const auto rest = text_.substr(at_);
  for (const auto symbol : kSymbols) {
    if (!rest.starts_with(symbol)) continue;
    at_ += symbol.size();
    token.kind = TokenKind::symbol;
    return true;
  }
  switch (rest[0]) {
    case '=': return fail(at_, "= is not an operator", "write == to compare");
    case '&': return fail(at_, "& is not an operator", "write && for and");
    case '|': return fail(at_, "| is not an operator", "write || for or");
    default: break;
  }
  std::size_t length = 1;
  while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xC0) == 0x80)
    ++length;
  const auto lead = static_cast<unsigned char>(rest[0]);
  return fail(at_, lead < 0x20 || lead == 0x7F ? "unexpected control character"
                                               : fmt::format("unexpected {}", rest.substr(0, length)));
}

}  // namespace stoker::expression
