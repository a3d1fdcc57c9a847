// Template: text with ${{ expression }} parts, as the strings of a document are; CompiledValue: a JSON value whose
// strings are templates.
//
// A string that is one whole expression (a line break after it does not count) keeps the type of its value, otherwise
// the result is text. $${{ is a literal ${{. Both are parsed once and evaluated from any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "expression/expression.h"

namespace stoker::expression {

class Template {
 public:
  static Result<Template> parse(std::string_view text);
  static std::variant<Template, Problem> read(std::string_view text);

  // No expression in it: the value is literal().
  bool is_literal() const { return expressions_.empty(); }
  // The text, with $${{ already ${{.
  const std::string& literal() const { return texts_[0]; }
  // The one expression whose value this is, or null.
  const Expression* whole() const { return whole_ ? &expressions_[0] : nullptr; }
  const std::vector<Expression>& expressions() const { return expressions_; }
  // Of all expressions; offsets count from the start of the template.
  std::vector<Reference> references() const;

  // As Expression::evaluate.
  Result<json::value> evaluate(const Scope& scope, const Limits& limits = {}) const;
  // The same, always as text.
  Result<std::string> evaluate_text(const Scope& scope, const Limits& limits = {}) const;

 private:
  // texts_[0] expressions_[0] texts_[1] … : one text more than expressions.
  std::vector<std::string> texts_{std::string()};
  std::vector<Expression> expressions_;
  bool whole_ = false;
};

// Where in a JSON value something is: "/inputs/grid/3", a JSON pointer, "" for the value itself.
std::string append_pointer(std::string_view pointer, std::string_view key);

struct LocatedProblem {
  std::string pointer;
  Problem problem;  // offset in the string at the pointer
};
struct LocatedReference {
  std::string pointer;
  Reference reference;
};

class CompiledValue {
 public:
  CompiledValue() : CompiledValue(json::value(nullptr)) {}
  // A value taken as it is: no string of it is a template.
  explicit CompiledValue(json::value constant) : form_(std::move(constant)) {}

  // All strings inside parsed as templates. Problems are appended, all of them; what had one is kept as its text, so
  // use the result only if none was added. `pointer` is where the value stands in its document.
  static CompiledValue compile(const json::value& value, std::vector<LocatedProblem>& problems,
                               std::string_view pointer = "");
  // The first problem as an error.
  static Result<CompiledValue> parse(const json::value& value);

  bool is_constant() const { return std::holds_alternative<json::value>(form_); }
  // Pointers are relative to this value, after `pointer`.
  std::vector<LocatedReference> references(std::string_view pointer = "") const;
  // Calls visit(pointer, template) for each template with an expression.
  template <class Visit>
  void for_each_template(const Visit& visit, const std::string& pointer = "") const;

  // The budget is for each string of its own. The error says the pointer.
  Result<json::value> evaluate(const Scope& scope, const Limits& limits = {}) const;

 private:
  using List = std::vector<CompiledValue>;
  struct Map {
    std::vector<std::string> keys;
    List values;  // of each key
  };

  using Form = std::variant<json::value, Template, List, Map>;
  static CompiledValue of(Form form);

  Form form_;
};

template <class Visit>
void CompiledValue::for_each_template(const Visit& visit, const std::string& pointer) const {
  if (const auto* text = std::get_if<Template>(&form_)) {
    visit(pointer, *text);
  } else if (const auto* list = std::get_if<List>(&form_)) {
    for (std::size_t i = 0; i < list->size(); ++i)
      (*list)[i].for_each_template(visit, append_pointer(pointer, std::to_string(i)));
  } else if (const auto* map = std::get_if<Map>(&form_)) {
    for (std::size_t i = 0; i < map->keys.size(); ++i) {
      map->values[i].for_each_template(visit, append_pointer(pointer, map->keys[i]));
    }
  }
}

}  // namespace stoker::expression
