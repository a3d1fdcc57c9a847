#include "expression/evaluator.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/overloaded.h"
#include "base/strings.h"
#include "expression/operators.h"

namespace stoker::expression {

namespace {

// Keys that a "did you mean" looks at.
constexpr std::size_t kKeysCompared = 200;

bool is_number(Kind kind) {
  return kind == Kind::integer || kind == Kind::floating;
}

bool is_limit(const Outcome& outcome) {
  const auto* problem = std::get_if<Problem>(&outcome);
  return problem != nullptr && problem->error.code == ErrorCode::limit_exceeded;
}

Outcome boolean(bool value) {
  return Value(json::value(value));
}

}  // namespace

Outcome Evaluator::fail(const Node& node, std::string message, std::string hint) const {
  return Problem{node.offset, {.code = ErrorCode::evaluation, .message = std::move(message), .hint = std::move(hint)}};
}

Outcome Evaluator::fail(const Node& node, Error error) const {
  return Problem{node.offset, std::move(error)};
}

Outcome Evaluator::wrong_type(const Node& node, std::string_view what, std::string_view needed,
                              const json::value& value) const {
  const auto kind = kind_of(value);
  const auto* hint = is_opaque(kind) ? "expressions can hand it on and compare it, not look into it" : "";
  return fail(node, fmt::format("{} needs {}, got {}", what, needed, kind_name(kind)), hint);
}

Outcome Evaluator::over(const Node& node) const {
  const bool steps = steps_ < 0;
  return Problem{node.offset,
                 {.code = ErrorCode::limit_exceeded,
                  .message = steps ? fmt::format("the expression takes more than {} steps", limits_.steps)
                                   : fmt::format("the expression makes more than {} bytes", limits_.bytes),
                  .hint = "do this in a step"}};
}

Outcome Evaluator::run(const Node& root, Use use) {
  auto result = evaluate(root, use);
  if (!result.ok() || std::get<Value>(result).borrowed()) return result;
  if (depth_of(result.get()) > codec::kMaximumJsonDepth) {
    return Problem{root.offset,
                   {.code = ErrorCode::limit_exceeded,
                    .message = fmt::format("the result nests deeper than {}", codec::kMaximumJsonDepth)}};
  }
  return result;
}

Outcome Evaluator::evaluate(const Node& node, Use use) {
  if (!spend(1)) return over(node);
  return dispatch(node, use);
}

Outcome Evaluator::dispatch(const Node& node, Use use) {
  return std::visit(overloaded{
                        [&](const Literal& literal) -> Outcome { return Value::borrow(literal.value); },
                        [&](const Variable& variable) -> Outcome { return Value::borrow(*variables_[variable.slot]); },
                        [&](const Named& named) { return lookup(node, named.reference, use); },
                        [&](const Unary& form) { return unary(node, form.op); },
                        [&](const Binary& form) { return binary(node, form.op); },
                        [&](const Conditional&) { return conditional(node, use); },
                        [&](const Select& form) { return select(node, form.field); },
                        [&](const Index&) { return index(node); },
                        [&](const ListLiteral&) { return list_literal(node); },
                        [&](const MapLiteral&) { return map_literal(node); },
                        [&](const Has&) { return has(node); },
                        [&](const Call& form) { return call(node, form, use); },
                        [&](const Comprehension& form) { return comprehension(node, form); },
                    },
                    node.form);
}

Outcome Evaluator::lookup(const Node& node, const Reference& reference, Use use) {
  auto found = use == Use::handed_on ? scope_.hand_on(reference) : scope_.lookup(reference);
  if (!found) return fail(node, std::move(found).error());
  return std::move(*found);
}

Outcome Evaluator::unary(const Node& node, UnaryOperator op) {
  auto operand = evaluate(node.operands[0]);
  if (!operand.ok()) return operand;
  const auto& value = operand.get();
  const auto kind = kind_of(value);
  if (op == UnaryOperator::invert) {
    return kind == Kind::boolean ? boolean(!value.get_bool()) : wrong_type(node, "!", "a bool", value);
  }
  if (!is_number(kind)) return wrong_type(node, "-", "a number", value);
  const auto number = as_number(value);
  if (!number) return fail(node, number.error());
  if (const auto* floating = std::get_if<double>(&*number)) return Value(json::value(-*floating));
  return integers(node, BinaryOperator::subtract, 0, std::get<std::int64_t>(*number));
}

Outcome Evaluator::binary(const Node& node, BinaryOperator op) {
  if (op == BinaryOperator::logical_and) return logical(node, false);
  if (op == BinaryOperator::logical_or) return logical(node, true);
  auto left = evaluate(node.operands[0]);
  if (!left.ok()) return left;
  auto right = evaluate(node.operands[1]);
  if (!right.ok()) return right;
  switch (op) {
    case BinaryOperator::equal:
    case BinaryOperator::not_equal: return equality(node, op, left.get(), right.get());
    case BinaryOperator::less:
    case BinaryOperator::less_equal:
    case BinaryOperator::greater:
    case BinaryOperator::greater_equal: return compare(node, op, left.get(), right.get());
    case BinaryOperator::in: return member_of(node, left.get(), right.get());
    default: return arithmetic(node, op, std::get<Value>(std::move(left)), std::get<Value>(std::move(right)));
  }
}

Outcome Evaluator::arithmetic(const Node& node, BinaryOperator op, Value left, Value right) {
  const auto left_kind = kind_of(left.get());
  const auto right_kind = kind_of(right.get());
  if (op == BinaryOperator::add && left_kind == right_kind && (left_kind == Kind::string || left_kind == Kind::list)) {
    return concatenate(node, std::move(left), std::move(right));
  }
  const auto text = operator_row(op).text;
  if (!is_number(left_kind) || !is_number(right_kind)) {
    std::string hint;
    if (op == BinaryOperator::add && (left_kind == Kind::string || right_kind == Kind::string))
      hint = "write string(x) to join text";
    if (is_opaque(left_kind) || is_opaque(right_kind))
      hint = "expressions can hand it on and compare it, not look into it";
    return fail(node, fmt::format("{} {} {} has no meaning", kind_name(left_kind), text, kind_name(right_kind)), hint);
  }
  const auto a = as_number(left.get());
  if (!a) return fail(node, a.error());
  const auto b = as_number(right.get());
  if (!b) return fail(node, b.error());
  if (left_kind == Kind::integer && right_kind == Kind::integer) {
    return integers(node, op, std::get<std::int64_t>(*a), std::get<std::int64_t>(*b));
  }
  if (op == BinaryOperator::remainder) return fail(node, "% needs integers", "write int(x)");
  const auto widen = [](const Number& n) { return std::visit([](auto x) { return static_cast<double>(x); }, n); };
  const double x = widen(*a);
  const double y = widen(*b);
  if (op == BinaryOperator::divide && y == 0) return fail(node, "division by zero");
  const double result = op == BinaryOperator::add        ? x + y
                        : op == BinaryOperator::subtract ? x - y
                        : op == BinaryOperator::multiply ? x * y
                                                         : x / y;
  if (!std::isfinite(result)) return fail(node, fmt::format("{} {} {} is out of range", x, text, y));
  return Value(json::value(result));
}

Outcome Evaluator::integers(const Node& node, BinaryOperator op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case BinaryOperator::add: overflow = __builtin_add_overflow(a, b, &result); break;
    case BinaryOperator::subtract: overflow = __builtin_sub_overflow(a, b, &result); break;
    case BinaryOperator::multiply: overflow = __builtin_mul_overflow(a, b, &result); break;
    default:
      if (b == 0) return fail(node, "division by zero");
      overflow = a == std::numeric_limits<std::int64_t>::min() && b == -1;
      if (!overflow) result = op == BinaryOperator::divide ? a / b : a % b;
  }
  if (overflow) {
    return fail(node, fmt::format("integer overflow: {} {} {}", a, operator_row(op).text, b),
                "write double(x) for larger numbers");
  }
  return Value(json::value(result));
}

Outcome Evaluator::concatenate(const Node& node, Value left, Value right) {
  // What is copied is paid for: the right side, and the left one if it is the scope's.
  if (!allocate(right.get()) || (left.borrowed() && !allocate(left.get()))) return over(node);
  auto joined = std::move(left).take();
  if (auto* text = joined.if_string()) {
    text->append(right.get().get_string());
  } else {
    auto tail = std::move(right).take();
    auto& list = joined.get_array();
    for (auto& item : tail.get_array())
      list.push_back(std::move(item));
  }
  return Value(std::move(joined));
}

Outcome Evaluator::compare(const Node& node, BinaryOperator op, const json::value& a, const json::value& b) {
  const auto left = kind_of(a);
  const auto right = kind_of(b);
  std::partial_ordering order = std::partial_ordering::unordered;
  if (is_number(left) && is_number(right)) {
    const auto x = as_number(a);
    if (!x) return fail(node, x.error());
    const auto y = as_number(b);
    if (!y) return fail(node, y.error());
    order = compare_numbers(*x, *y);
  } else if (left == Kind::string && right == Kind::string) {
    if (!read_text(std::min(a.get_string().size(), b.get_string().size()))) return over(node);
    order = std::string_view(a.get_string()).compare(std::string_view(b.get_string())) <=> 0;
  } else if (left == Kind::boolean && right == Kind::boolean) {
    order = static_cast<int>(a.get_bool()) <=> static_cast<int>(b.get_bool());
  } else {
    return fail(node, fmt::format("{} {} {} has no meaning", kind_name(left), operator_row(op).text, kind_name(right)));
  }
  switch (op) {
    case BinaryOperator::less: return boolean(order < 0);
    case BinaryOperator::less_equal: return boolean(order <= 0);
    case BinaryOperator::greater: return boolean(order > 0);
    default: return boolean(order >= 0);
  }
}

Outcome Evaluator::equality(const Node& node, BinaryOperator op, const json::value& a, const json::value& b) {
  const auto left = kind_of(a);
  const auto right = kind_of(b);
  const bool comparable = left == right || (is_number(left) && is_number(right)) || left == Kind::null ||
                          right == Kind::null || (is_opaque(left) && is_opaque(right));
  if (!comparable) {
    return fail(
        node,
        fmt::format("{} {} {} is never true or never false", kind_name(left), operator_row(op).text, kind_name(right)),
        "convert one side: int(x), double(x), string(x)");
  }
  if (!spend(approximate_bytes(a.is_primitive() ? a : b) / 64)) return over(node);
  return boolean(equal(a, b) == (op == BinaryOperator::equal));
}

Outcome Evaluator::member_of(const Node& node, const json::value& item, const json::value& container) {
  const auto kind = kind_of(container);
  if (kind == Kind::map) {
    if (!item.is_string()) return wrong_type(node, "in with a map", "a string as the key", item);
    return boolean(unwrap(container).get_object().contains(item.get_string()));
  }
  if (kind == Kind::string) return fail(node, "in needs a list or a map, got string", "write text.contains(part)");
  if (kind != Kind::list) return wrong_type(node, "in", "a list or a map", container);
  const auto cost = 1 + approximate_bytes(item) / 64;
  for (const auto& other : container.get_array()) {
    if (!spend(cost)) return over(node);
    if (equal(item, other)) return boolean(true);
  }
  return boolean(false);
}

Outcome Evaluator::logical(const Node& node, bool deciding) {
  const auto* const text = deciding ? "||" : "&&";
  auto left = evaluate(node.operands[0]);
  if (is_limit(left)) return left;
  if (left.ok()) {
    if (!left.get().is_bool()) {
      left = wrong_type(node, text, "a bool on its left", left.get());
    } else if (left.get().get_bool() == deciding) {
      return boolean(deciding);
    }
  }
  auto right = evaluate(node.operands[1]);
  if (is_limit(right)) return right;
  if (right.ok() && !right.get().is_bool()) right = wrong_type(node, text, "a bool on its right", right.get());
  if (right.ok() && right.get().get_bool() == deciding) return boolean(deciding);
  if (!left.ok()) return left;
  if (!right.ok()) return right;
  return boolean(!deciding);
}

Outcome Evaluator::conditional(const Node& node, Use use) {
  auto condition = evaluate(node.operands[0]);
  if (!condition.ok()) return condition;
  if (!condition.get().is_bool()) return wrong_type(node, "?", "a bool as its condition", condition.get());
  return evaluate(node.operands[condition.get().get_bool() ? 1 : 2], use);
}

Outcome Evaluator::select(const Node& node, const std::string& name) {
  auto map = evaluate(node.operands[0]);
  if (!map.ok()) return map;
  return field(node, std::get<Value>(std::move(map)), name);
}

Outcome Evaluator::field(const Node& node, Value map, std::string_view name) {
  const auto kind = kind_of(map.get());
  if (kind != Kind::map) return wrong_type(node, fmt::format("field {}", name), "a map", map.get());
  const auto& object = unwrap(map.get()).get_object();
  const auto* value = object.if_contains(name);
  if (value == nullptr) {
    std::vector<std::string> keys;
    for (const auto& member : object) {
      if (keys.size() == kKeysCompared) break;
      keys.emplace_back(member.key());
    }
    return fail(node, fmt::format("the map has no field \"{}\"", name), did_you_mean(name, keys));
  }
  return std::move(map).part(*value);
}

Outcome Evaluator::index(const Node& node) {
  auto container = evaluate(node.operands[0]);
  if (!container.ok()) return container;
  auto at = evaluate(node.operands[1]);
  if (!at.ok()) return at;
  const auto kind = kind_of(container.get());
  if (kind == Kind::map) {
    if (!at.get().is_string()) return wrong_type(node, "[…] of a map", "a string", at.get());
    return field(node, std::get<Value>(std::move(container)), at.get().get_string());
  }
  if (kind != Kind::list) return wrong_type(node, "[…]", "a list or a map", container.get());
  if (kind_of(at.get()) != Kind::integer) return wrong_type(node, "[…] of a list", "an int", at.get());
  const auto number = as_number(at.get());
  if (!number) return fail(node, number.error());
  const auto position = std::get<std::int64_t>(*number);
  const auto& list = container.get().get_array();
  if (position < 0 || position >= static_cast<std::int64_t>(list.size())) {
    return fail(node, fmt::format("index {} is outside the list of {} item{}", position, list.size(),
                                  list.size() == 1 ? "" : "s"));
  }
  return std::get<Value>(std::move(container)).part(list[static_cast<std::size_t>(position)]);
}

Outcome Evaluator::list_literal(const Node& node) {
  json::array list;
  for (const auto& operand : node.operands) {
    auto item = evaluate(operand);
    if (!item.ok()) return item;
    if (!allocate(item.get())) return over(node);
    list.push_back(std::get<Value>(std::move(item)).take());
  }
  return Value(json::value(std::move(list)));
}

Outcome Evaluator::map_literal(const Node& node) {
  json::object map;
  bool reserved = false;
  for (std::size_t i = 0; i + 1 < node.operands.size(); i += 2) {
    auto key = evaluate(node.operands[i]);
    if (!key.ok()) return key;
    if (!key.get().is_string()) return wrong_type(node.operands[i], "the key of a map", "a string", key.get());
    auto value = evaluate(node.operands[i + 1]);
    if (!value.ok()) return value;
    if (!allocate(key.get()) || !allocate(value.get())) return over(node);
    const std::string_view name = key.get().get_string();
    reserved = reserved || name.starts_with('$');
    if (!map.emplace(name, std::get<Value>(std::move(value)).take()).second) {
      return fail(node.operands[i], fmt::format("the map has the key \"{}\" twice", name));
    }
  }
  // Keys with $ mark artifacts and their like: a map that only looks like one is wrapped, as everywhere.
  if (reserved) return Value(json::value(json::object{{"$value", std::move(map)}}));
  return Value(json::value(std::move(map)));
}

Outcome Evaluator::has(const Node& node) {
  const auto& argument = node.operands[0];
  const auto* selected = std::get_if<Select>(&argument.form);
  auto found = evaluate(selected != nullptr ? argument.operands[0] : argument);
  if (!found.ok()) return found.problem().error.code == ErrorCode::not_available ? boolean(false) : std::move(found);
  if (selected == nullptr) return boolean(true);
  if (kind_of(found.get()) != Kind::map)
    return wrong_type(argument, fmt::format("field {}", selected->field), "a map", found.get());
  return boolean(unwrap(found.get()).get_object().contains(selected->field));
}

Outcome Evaluator::one_of(const Node& node, Use use) {
  for (const auto& operand : node.operands) {
    auto value = evaluate(operand, use);
    if (value.ok() || value.problem().error.code != ErrorCode::not_available) return value;
  }
  return fail(node, Error{.code = ErrorCode::not_available,
                          .message = "no argument of one_of is available: their steps were skipped"});
}

}  // namespace stoker::expression
