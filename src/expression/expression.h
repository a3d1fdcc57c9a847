// Expression: one parsed expression of the language, a typed subset of CEL over JSON values
// (docs/reference/expressions.md).
//
// Parse once, when the document is read; evaluate as often as needed, from any thread. Pure: no I/O, no clock, no
// global state.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "expression/limits.h"
#include "expression/problem.h"
#include "expression/reference.h"
#include "expression/value.h"

namespace stoker::expression {

struct Node;

// What references mean during one evaluation. The engine implements it over its rows, so that nothing is copied
// beforehand.
class Scope {
 public:
  virtual ~Scope() = default;

  // The value: borrowed if it outlives the evaluation. A value that a skipped step never made is the error
  // not_available(reference); every other error ends the evaluation as it is.
  virtual Result<Value> lookup(const Reference& reference) const = 0;

  // The same for a reference that is the whole result: handed on, not looked into. A scope may give more here than
  // expressions can see.
  virtual Result<Value> hand_on(const Reference& reference) const { return lookup(reference); }

  // What a file, artifact or secret becomes inside text (and in string()). By default a file is its path, the others
  // are refused.
  virtual Result<std::string> text_of(const json::value& binding) const;
};

class Expression {
 public:
  // The error has the column, the text and a hint.
  static Result<Expression> parse(std::string_view text);
  // The same for callers that report positions of their own.
  static std::variant<Expression, Problem> read(std::string_view text);
  // The expression that begins at `offset` of a longer text and ends before }}; `end` becomes the offset of these.
  // Offsets of references and problems count from the start of the longer text.
  static std::variant<Expression, Problem> read_in_braces(std::string_view text, std::size_t offset, std::size_t& end);

  // As written, without space around it.
  const std::string& text() const { return text_; }
  // Every reference where it stands; one named twice is there twice.
  const std::vector<Reference>& references() const { return references_; }
  const Node& root() const { return *root_; }
  // Where text() begins in what was parsed; node offsets count from there as well.
  std::size_t offset() const { return offset_; }

  // Error codes: not_available (a hard reference to a skipped step), limit_exceeded (the budget), evaluation (all
  // else). The message begins with the column.
  Result<json::value> evaluate(const Scope& scope, const Limits& limits = {}) const;
  // The same for who passes the result on: references that are all of it are scope.hand_on().
  Result<json::value> hand_on(const Scope& scope, const Limits& limits = {}) const;

 private:
  Expression() = default;
  Result<json::value> result_of(std::variant<Value, Problem> outcome) const;
  static Expression make(std::string_view whole, std::size_t offset, std::size_t end, Node root);

  std::string text_;
  std::size_t offset_ = 0;
  std::vector<Reference> references_;
  std::shared_ptr<const Node> root_;
};

// How a value stands in text: strings as they are, numbers and booleans as literals, lists and maps as JSON, files by
// scope.text_of(). null and everything that scope refuses are errors.
Result<std::string> to_text(const json::value& value, const Scope& scope);

}  // namespace stoker::expression
