// The macros: all, exists, exists_one, map, filter.
#include <fmt/format.h>

#include "expression/evaluator.h"
#include "expression/operators.h"

namespace stoker::expression {

namespace {

// The variable of a macro, for as long as its body is evaluated.
class Bound {
 public:
  explicit Bound(std::vector<const json::value*>& variables) : variables_(variables) { variables_.push_back(nullptr); }
  ~Bound() { variables_.pop_back(); }
  Bound(const Bound&) = delete;
  Bound& operator=(const Bound&) = delete;
  void set(const json::value& value) { variables_.back() = &value; }

 private:
  std::vector<const json::value*>& variables_;
};

Outcome boolean(bool value) {
  return Value(json::value(value));
}

}  // namespace

Outcome Evaluator::comprehension(const Node& node, const Comprehension& form) {
  auto source = evaluate(node.operands[0]);
  if (!source.ok()) return source;
  const auto kind = kind_of(source.get());
  json::array keys;
  const json::array* list = source.get().if_array();
  if (kind == Kind::map) {
    for (const auto& member : unwrap(source.get()).get_object()) {
      json::value key(member.key());
      if (!allocate(key)) return over(node);
      keys.push_back(std::move(key));
    }
    list = &keys;
  }
  if (list == nullptr) return wrong_type(node, macro_name(form.macro), "a list or a map", source.get());
  switch (form.macro) {
    case Macro::all:
    case Macro::exists: return quantifier(node, form.macro, *list);
    case Macro::exists_one: return exists_one(node, *list);
    default: return map_or_filter(node, form.macro, *list);
  }
}

// As && and || over all items: an item that decides outweighs items that are errors.
Outcome Evaluator::quantifier(const Node& node, Macro macro, const json::array& list) {
  const bool deciding = macro == Macro::exists;
  Outcome result = boolean(!deciding);
  Bound variable(variables_);
  for (const auto& item : list) {
    variable.set(item);
    auto holds = evaluate(node.operands[1]);
    if (holds.ok() && !holds.get().is_bool())
      holds = wrong_type(node, macro_name(macro), "a bool condition", holds.get());
    if (!holds.ok()) {
      if (holds.problem().error.code == ErrorCode::limit_exceeded) return holds;
      if (result.ok()) result = std::move(holds);
    } else if (holds.get().get_bool() == deciding) {
      return boolean(deciding);
    }
  }
  return result;
}

Outcome Evaluator::exists_one(const Node& node, const json::array& list) {
  std::size_t count = 0;
  Bound variable(variables_);
  for (const auto& item : list) {
    variable.set(item);
    auto holds = evaluate(node.operands[1]);
    if (!holds.ok()) return holds;
    if (!holds.get().is_bool()) return wrong_type(node, "exists_one", "a bool condition", holds.get());
    count += holds.get().get_bool() ? 1 : 0;
  }
  return boolean(count == 1);
}

Outcome Evaluator::map_or_filter(const Node& node, Macro macro, const json::array& list) {
  json::array out;
  const bool conditional = macro == Macro::filter || node.operands.size() == 3;
  Bound variable(variables_);
  for (const auto& item : list) {
    variable.set(item);
    if (conditional) {
      auto holds = evaluate(node.operands[1]);
      if (!holds.ok()) return holds;
      if (!holds.get().is_bool()) return wrong_type(node, macro_name(macro), "a bool condition", holds.get());
      if (!holds.get().get_bool()) continue;
    }
    Outcome value = macro == Macro::filter ? Outcome(Value::borrow(item)) : evaluate(node.operands.back());
    if (!value.ok()) return value;
    if (!allocate(value.get())) return over(node);
    out.push_back(std::get<Value>(std::move(value)).take());
  }
  return Value(json::value(std::move(out)));
}

}  // namespace stoker::expression
