#include "expression/type_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "base/overloaded.h"
#include "expression/operators.h"
#include "expression/syntax/ast.h"

namespace stoker::expression {

namespace {

bool numeric(Type type) {
  return type == Type::integer || type == Type::floating || type == Type::number;
}

// The type of a value that has one of the two.
Type join(Type a, Type b) {
  if (a == b) return a;
  return numeric(a) && numeric(b) ? Type::number : Type::any;
}

class Checker {
 public:
  Checker(const TypeScope& scope, std::vector<Problem>& problems) : scope_(scope), problems_(problems) {}

  Type check(const Node& node) {
    return std::visit(overloaded{
                          [](const Literal& literal) { return type_of(literal.value); },
                          [](const Variable&) { return Type::any; },
                          [&](const Named& named) { return reference(named.reference); },
                          [&](const Unary& form) { return unary(node, form.op); },
                          [&](const Binary& form) { return binary(node, form.op); },
                          [&](const Conditional&) { return conditional(node); },
                          [&](const Select& form) { return select(node, form.field); },
                          [&](const Index&) { return index(node); },
                          [&](const ListLiteral&) { return list_literal(node); },
                          [&](const MapLiteral&) { return map_literal(node); },
                          [&](const Has&) { return has(node); },
                          [&](const Call& form) { return call(node, form); },
                          [&](const Comprehension& form) { return comprehension(node, form); },
                      },
                      node.form);
  }

 private:
  static Type type_of(const json::value& literal) {
    switch (literal.kind()) {
      case json::kind::null: return Type::null;
      case json::kind::bool_: return Type::boolean;
      case json::kind::int64: return Type::integer;
      case json::kind::double_: return Type::floating;
      case json::kind::string: return Type::string;
      default: return Type::any;
    }
  }

  void report(const Node& node, std::string message, std::string hint = {}) {
    problems_.push_back(
        {node.offset, {.code = ErrorCode::invalid_expression, .message = std::move(message), .hint = std::move(hint)}});
  }

  // The operand's type, which must be able to be one of `wanted`.
  Type need(const Node& operand, const Node& at, std::string_view what, std::string_view needed,
            std::initializer_list<Type> wanted) {
    const auto type = check(operand);
    const bool fits = std::any_of(wanted.begin(), wanted.end(), [&](Type one) { return may_be(type, one); });
    if (!fits) report(at, fmt::format("{} needs {}, got {}", what, needed, type_name(type)));
    return type;
  }

  Type reference(const Reference& reference) {
    switch (reference.kind) {
      case ReferenceKind::index:
      case ReferenceKind::iteration: return Type::integer;
      case ReferenceKind::step_state: return Type::string;
      case ReferenceKind::run: return reference.name == "attempt" ? Type::integer : Type::string;
      default: return scope_.type_of(reference);
    }
  }

  Type unary(const Node& node, UnaryOperator op) {
    if (op == UnaryOperator::invert) {
      need(node.operands[0], node, "!", "a bool", {Type::boolean});
      return Type::boolean;
    }
    const auto type = need(node.operands[0], node, "-", "a number", {Type::number});
    return numeric(type) ? type : Type::number;
  }

  Type binary(const Node& node, BinaryOperator op) {
    const auto text = operator_row(op).text;
    if (op == BinaryOperator::logical_and || op == BinaryOperator::logical_or) {
      need(node.operands[0], node, text, "a bool on its left", {Type::boolean});
      need(node.operands[1], node, text, "a bool on its right", {Type::boolean});
      return Type::boolean;
    }
    const auto left = check(node.operands[0]);
    const auto right = check(node.operands[1]);
    switch (op) {
      case BinaryOperator::equal:
      case BinaryOperator::not_equal: {
        const bool comparable =
            left == Type::null || right == Type::null || may_be(left, right) || (numeric(left) && numeric(right));
        if (!comparable) meaningless(node, left, text, right);
        return Type::boolean;
      }
      case BinaryOperator::in:
        if (!may_be(right, Type::list) && !may_be(right, Type::map)) {
          report(node, fmt::format("in needs a list or a map, got {}", type_name(right)),
                 right == Type::string ? "write text.contains(part)" : "");
        } else if (right == Type::map && !may_be(left, Type::string)) {
          report(node, fmt::format("in with a map needs a string as the key, got {}", type_name(left)));
        }
        return Type::boolean;
      case BinaryOperator::less:
      case BinaryOperator::less_equal:
      case BinaryOperator::greater:
      case BinaryOperator::greater_equal:
        if (!fit_together(left, right, {Type::number, Type::string, Type::boolean}))
          meaningless(node, left, text, right);
        return Type::boolean;
      default: return arithmetic(node, op, left, right);
    }
  }

  // Whether both may be of one of these types.
  static bool fit_together(Type left, Type right, std::initializer_list<Type> types) {
    return std::any_of(types.begin(), types.end(),
                       [&](Type type) { return may_be(left, type) && may_be(right, type); });
  }

  void meaningless(const Node& node, Type left, std::string_view text, Type right) {
    const bool joins = text == "+" && (left == Type::string || right == Type::string);
    report(node, fmt::format("{} {} {} has no meaning", type_name(left), text, type_name(right)),
           joins ? "write string(x) to join text" : "");
  }

  Type arithmetic(const Node& node, BinaryOperator op, Type left, Type right) {
    const bool fits = op == BinaryOperator::add ? fit_together(left, right, {Type::number, Type::string, Type::list})
                      : op == BinaryOperator::remainder ? fit_together(left, right, {Type::integer})
                                                        : fit_together(left, right, {Type::number});
    if (!fits) {
      if (op == BinaryOperator::remainder && numeric(left) && numeric(right)) {
        report(node, "% needs integers", "write int(x)");
      } else {
        meaningless(node, left, operator_row(op).text, right);
      }
      return Type::any;
    }
    if (op == BinaryOperator::remainder) return Type::integer;
    const auto known = left == Type::any ? right : left;
    if (known == Type::any) return op == BinaryOperator::add ? Type::any : Type::number;
    if (!numeric(known)) return known;
    return left == Type::floating || right == Type::floating ? Type::floating : left == right ? left : Type::number;
  }

  Type conditional(const Node& node) {
    need(node.operands[0], node, "?", "a bool as its condition", {Type::boolean});
    const auto yes = check(node.operands[1]);
    return join(yes, check(node.operands[2]));
  }

  Type select(const Node& node, std::string_view field) {
    need(node.operands[0], node, fmt::format("field {}", field), "a map", {Type::map});
    return Type::any;
  }

  Type index(const Node& node) {
    const auto container = need(node.operands[0], node, "[…]", "a list or a map", {Type::list, Type::map});
    if (container == Type::list) {
      need(node.operands[1], node, "[…] of a list", "an int", {Type::integer});
    } else if (container == Type::map) {
      need(node.operands[1], node, "[…] of a map", "a string", {Type::string});
    } else {
      need(node.operands[1], node, "[…]", "an int or a string", {Type::integer, Type::string});
    }
    return Type::any;
  }

  Type list_literal(const Node& node) {
    for (const auto& operand : node.operands)
      check(operand);
    return Type::list;
  }

  Type map_literal(const Node& node) {
    for (std::size_t i = 0; i + 1 < node.operands.size(); i += 2) {
      need(node.operands[i], node.operands[i], "the key of a map", "a string", {Type::string});
      check(node.operands[i + 1]);
    }
    return Type::map;
  }

  Type has(const Node& node) {
    check(node.operands[0]);
    return Type::boolean;
  }

  Type comprehension(const Node& node, const Comprehension& form) {
    const auto name = macro_name(form.macro);
    need(node.operands[0], node, name, "a list or a map", {Type::list, Type::map});
    const bool conditional = form.macro != Macro::map || node.operands.size() == 3;
    if (conditional) need(node.operands[1], node, name, "a bool condition", {Type::boolean});
    if (form.macro == Macro::map) check(node.operands.back());
    return form.macro == Macro::map || form.macro == Macro::filter ? Type::list : Type::boolean;
  }

  Type call(const Node& node, const Call& form) {
    const auto name = function(form.function).name;
    const auto& operands = node.operands;
    switch (form.function) {
      case FunctionId::size:
        need(operands[0], node, name, "a string, list or map", {Type::string, Type::list, Type::map});
        return Type::integer;
      case FunctionId::starts_with:
      case FunctionId::ends_with:
      case FunctionId::contains:
      case FunctionId::matches: strings(node, name); return Type::boolean;
      case FunctionId::lower_ascii:
      case FunctionId::upper_ascii:
      case FunctionId::trim:
      case FunctionId::replace: strings(node, name); return Type::string;
      case FunctionId::split: strings(node, name); return Type::list;
      case FunctionId::join:
        need(operands[0], node, name, "a list of strings", {Type::list});
        if (operands.size() == 2) need(operands[1], node, name, "a string as its argument", {Type::string});
        return Type::string;
      case FunctionId::to_int:
        need(operands[0], node, name, "a number or a string", {Type::number, Type::string});
        return Type::integer;
      case FunctionId::to_double:
        need(operands[0], node, name, "a number or a string", {Type::number, Type::string});
        return Type::floating;
      case FunctionId::to_bool:
        need(operands[0], node, name, "a bool or a string", {Type::boolean, Type::string});
        return Type::boolean;
      case FunctionId::to_string:
        if (check(operands[0]) == Type::null) report(node, "null has no text");
        return Type::string;
      case FunctionId::min:
      case FunctionId::max: return extreme(node, name);
      case FunctionId::sum: need(operands[0], node, name, "a list of numbers", {Type::list}); return Type::number;
      case FunctionId::range:
        for (const auto& operand : operands)
          need(operand, node, name, "integers", {Type::integer});
        return Type::list;
      case FunctionId::one_of: break;
    }
    auto type = check(operands[0]);
    for (std::size_t i = 1; i < operands.size(); ++i)
      type = join(type, check(operands[i]));
    return type;
  }

  void strings(const Node& node, std::string_view name) {
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      need(node.operands[i], node, name, i == 0 ? "a string" : "a string as its argument", {Type::string});
    }
  }

  Type extreme(const Node& node, std::string_view name) {
    if (node.operands.size() == 1) {
      need(node.operands[0], node, name, "a list, or several values", {Type::list});
      return Type::any;
    }
    Type all = Type::any;
    for (const auto& operand : node.operands) {
      const auto type = need(operand, node, name, "numbers or strings", {Type::number, Type::string});
      if (!fit_together(all, type, {Type::number, Type::string})) {
        report(node, fmt::format("{} needs values of one type, got {} and {}", name, type_name(all), type_name(type)));
      }
      all = &operand == node.operands.data() ? type : join(all, type);
    }
    return all;
  }

  const TypeScope& scope_;
  std::vector<Problem>& problems_;
};

}  // namespace

std::string_view type_name(Type type) {
  constexpr std::array<std::string_view, 10> kNames{"any",    "null",   "bool", "int", "double",
                                                    "number", "string", "list", "map", "artifact, file or secret"};
  return kNames[static_cast<std::size_t>(type)];
}

Type type_named(std::string_view declared) {
  if (declared == "string") return Type::string;
  if (declared == "integer") return Type::integer;
  if (declared == "number") return Type::number;
  if (declared == "boolean") return Type::boolean;
  if (declared == "list") return Type::list;
  if (declared == "map") return Type::map;
  if (declared == "secret") return Type::opaque;
  return Type::any;
}

bool may_be(Type got, Type wanted) {
  if (got == Type::any || wanted == Type::any || got == wanted) return true;
  return (numeric(got) && wanted == Type::number) || (got == Type::number && numeric(wanted));
}

Type check_types(const Expression& expression, const TypeScope& scope, std::vector<Problem>& problems) {
  return Checker(scope, problems).check(expression.root());
}

Type check_types(const Template& text, const TypeScope& scope, std::vector<Problem>& problems) {
  Type whole = Type::string;
  for (const auto& expression : text.expressions()) {
    const auto type = check_types(expression, scope, problems);
    if (text.whole() != nullptr) {
      whole = type;
    } else if (type == Type::null) {
      problems.push_back({expression.offset(), {.code = ErrorCode::invalid_expression, .message = "null has no text"}});
    }
  }
  return whole;
}

}  // namespace stoker::expression
