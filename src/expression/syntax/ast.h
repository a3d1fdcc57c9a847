// The tree of an expression. Made by the parser only; names are resolved there, so a Variable knows its slot and a
// Named its target.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "codec/json.h"
#include "expression/functions.h"
#include "expression/reference.h"
#include "expression/regex/regex.h"

namespace stoker::expression {

enum class UnaryOperator { negate, invert };
enum class BinaryOperator {
  add,
  subtract,
  multiply,
  divide,
  remainder,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  logical_and,
  logical_or
};
enum class Macro { all, exists, exists_one, map, filter };

struct Literal {
  json::value value;  // null, bool, int64, double or string
};
struct Variable {
  std::string name;
  std::size_t slot = 0;  // how many macros around it were entered before its own
};
struct Named {
  Reference reference;
};
struct Unary {
  UnaryOperator op;
};
struct Binary {
  BinaryOperator op;
};
struct Conditional {};  // operands: condition, then, else
struct Select {         // operands: map
  std::string field;
};
struct Index {};        // operands: list or map, index
struct ListLiteral {};  // operands: items
struct MapLiteral {};   // operands: key, value, key, value, …
struct Has {};          // operands: a Select or a Named
struct Call {           // operands: the receiver if a method, arguments
  FunctionId function;
  bool method = false;
  // matches() with a literal pattern is compiled once.
  std::shared_ptr<const Regex> regex;
};
struct Comprehension {  // operands: list, [condition of the three-argument map,] body
  Macro macro;
  std::string variable;
};

using Form = std::variant<Literal, Variable, Named, Unary, Binary, Conditional, Select, Index, ListLiteral, MapLiteral,
                          Has, Call, Comprehension>;

struct Node {
  Form form;
  std::vector<Node> operands;
  // Byte in the expression's text that an error about this node points at.
  std::size_t offset = 0;
  std::size_t depth = 1;
};

// Equal but for positions.
bool same_tree(const Node& a, const Node& b);

}  // namespace stoker::expression
