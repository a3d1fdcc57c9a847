// Text to tokens, one at a time: a template's expression ends where the parser says, so nothing is read ahead of one
// token.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "expression/problem.h"

namespace stoker::expression {

enum class TokenKind { end, integer, floating, string, identifier, symbol };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;
  std::size_t offset = 0;
  std::uint64_t integer = 0;  // magnitude: a minus before it is a token of its own
  double floating = 0;
  std::string string;  // decoded
};

class Lexer {
 public:
  Lexer(std::string_view text, std::size_t offset) : text_(text), at_(offset) {}

  // False: problem() says why.
  bool next(Token& token);
  const Problem& problem() const { return problem_; }

 private:
  bool fail(std::size_t offset, std::string message, std::string hint = {});
  bool number(Token& token);
  bool hexadecimal(Token& token);
  bool string(Token& token, bool raw);
  bool escape(std::string& out);
  bool code_point(std::size_t digits, std::uint32_t base, std::string& out);
  bool symbol(Token& token);
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  std::string_view text_;
  std::size_t at_;
  Problem problem_;
};

// `point` must be a scalar value.
void append_utf8(std::uint32_t point, std::string& out);

}  // namespace stoker::expression
