// The inside of a Regex: the program that its pattern was compiled to.
#pragma once

#include <variant>

#include "expression/regex/regex.h"

namespace stoker::expression {

struct CodePointRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

enum class Opcode {
  one_of,
  split,
  jump,
  save,
  text_start,
  text_end,
  line_start,
  line_end,
  word_boundary,
  not_word_boundary,
  match
};

struct Instruction {
  Opcode opcode = Opcode::match;
  // split: the preferred and the other way; jump: x; save: x is the slot; one_of: x is an index into classes.
  std::size_t x = 0;
  std::size_t y = 0;
};

struct Regex::Program {
  std::vector<Instruction> code;
  // Each sorted, without overlap.
  std::vector<std::vector<CodePointRange>> classes;
  std::size_t groups = 0;
};

// Pattern to program, by recursive descent.
std::variant<Regex::Program, Error> compile_regex(std::string_view pattern);

}  // namespace stoker::expression
