// The bodies of the functions. Argument counts were checked by the parser; types are checked here.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/strings.h"
#include "expression/evaluator.h"

namespace stoker::expression {

namespace {

Outcome boolean(bool value) {
  return Value(json::value(value));
}
Outcome integer(std::int64_t value) {
  return Value(json::value(value));
}
Outcome text(std::string_view value) {
  return Value(json::value(value));
}

// ASCII letters only, whatever the locale.
std::string mapped(std::string_view from, char first, char last, int shift) {
  std::string out(from);
  for (char& c : out) {
    if (c >= first && c <= last) c = static_cast<char>(c + shift);
  }
  return out;
}

// Memory of a list's items beside their text.
constexpr std::int64_t kItemBytes = sizeof(json::value);

}  // namespace

Outcome Evaluator::call(const Node& node, const Call& form, Use use) {
  if (form.function == FunctionId::one_of) return one_of(node, use);
  Arguments arguments;
  for (const auto& operand : node.operands) {
    auto argument = evaluate(operand);
    if (!argument.ok()) return argument;
    arguments.push_back(std::get<Value>(std::move(argument)));
  }
  const auto& first = arguments[0].get();
  switch (form.function) {
    case FunctionId::size: return size(node, first);
    case FunctionId::join: return join_list(node, arguments);
    case FunctionId::to_int:
    case FunctionId::to_double:
    case FunctionId::to_string:
    case FunctionId::to_bool: return convert(node, form.function, first);
    case FunctionId::min:
    case FunctionId::max: return extreme(node, form.function, arguments);
    case FunctionId::sum: return sum(node, first);
    case FunctionId::range: return range(node, arguments);
    default: return text_function(node, form, arguments);
  }
}

Outcome Evaluator::size(const Node& node, const json::value& value) {
  switch (kind_of(value)) {
    case Kind::string:
      if (!read_text(value.get_string().size())) return over(node);
      return integer(static_cast<std::int64_t>(code_points(value.get_string())));
    case Kind::list: return integer(static_cast<std::int64_t>(value.get_array().size()));
    case Kind::map: return integer(static_cast<std::int64_t>(unwrap(value).get_object().size()));
    default: return wrong_type(node, "size", "a string, list or map", value);
  }
}

Outcome Evaluator::text_function(const Node& node, const Call& form, const Arguments& arguments) {
  const auto name = function(form.function).name;
  std::size_t bytes = 0;
  std::string_view texts[3];
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& value = arguments[i].get();
    if (!value.is_string()) return wrong_type(node, name, i == 0 ? "a string" : "a string as its argument", value);
    texts[i] = value.get_string();
    bytes += texts[i].size();
  }
  if (!read_text(bytes)) return over(node);
  switch (form.function) {
    case FunctionId::matches: return matches(node, form, texts[0], texts[1]);
    case FunctionId::split: return split_text(node, texts[0], texts[1]);
    case FunctionId::replace: return replace_text(node, texts[0], texts[1], texts[2]);
    case FunctionId::lower_ascii:
    case FunctionId::upper_ascii:
    case FunctionId::trim: break;
    default: return text_predicate(node, form.function, texts[0], texts[1]);
  }
  if (!allocate(arguments[0].get())) return over(node);
  if (form.function == FunctionId::lower_ascii) return text(mapped(texts[0], 'A', 'Z', 'a' - 'A'));
  if (form.function == FunctionId::upper_ascii) return text(mapped(texts[0], 'a', 'z', 'A' - 'a'));
  return text(trim(texts[0]));
}

Outcome Evaluator::text_predicate(const Node& node, FunctionId id, std::string_view whole, std::string_view other) {
  if (id == FunctionId::starts_with) return boolean(whole.starts_with(other));
  if (id == FunctionId::ends_with) return boolean(whole.ends_with(other));
  // find() may compare the part at each place: the product is what it may cost.
  if (!spend(static_cast<std::int64_t>(whole.size() * std::min<std::size_t>(other.size(), whole.size()) / 256)))
    return over(node);
  return boolean(whole.find(other) != std::string_view::npos);
}

Outcome Evaluator::matches(const Node& node, const Call& form, std::string_view whole, std::string_view pattern) {
  if (form.regex != nullptr) {
    return spend(form.regex->cost(whole.size())) ? boolean(form.regex->found_in(whole)) : over(node);
  }
  if (!spend(static_cast<std::int64_t>(Regex::kMaximumInstructions / 16))) return over(node);
  auto regex = Regex::compile(pattern);
  if (!regex) {
    Error error = std::move(regex).error();
    error.code = ErrorCode::evaluation;
    return fail(node, std::move(error));
  }
  return spend(regex->cost(whole.size())) ? boolean(regex->found_in(whole)) : over(node);
}

Outcome Evaluator::split_text(const Node& node, std::string_view whole, std::string_view separator) {
  json::array parts;
  const auto add = [&](std::string_view part) {
    parts.emplace_back(part);
    return spend(1) && allocate(kItemBytes + static_cast<std::int64_t>(part.size()));
  };
  if (separator.empty()) {  // into characters
    for (std::size_t at = 0; at < whole.size();) {
      std::size_t end = at + 1;
      while (end < whole.size() && (static_cast<unsigned char>(whole[end]) & 0xC0) == 0x80)
        ++end;
      if (!add(whole.substr(at, end - at))) return over(node);
      at = end;
    }
    return Value(json::value(std::move(parts)));
  }
  while (true) {
    const auto at = whole.find(separator);
    if (!add(whole.substr(0, at))) return over(node);
    if (at == std::string_view::npos) return Value(json::value(std::move(parts)));
    whole.remove_prefix(at + separator.size());
  }
}

Outcome Evaluator::replace_text(const Node& node, std::string_view whole, std::string_view from, std::string_view to) {
  if (from.empty()) return fail(node, "replace needs a text to look for, got \"\"");
  std::string out;
  while (true) {
    const auto at = whole.find(from);
    const auto kept = whole.substr(0, at);
    const auto added = kept.size() + (at == std::string_view::npos ? 0 : to.size());
    if (!spend(1) || !allocate(static_cast<std::int64_t>(added))) return over(node);
    out += kept;
    if (at == std::string_view::npos) return text(out);
    out += to;
    whole.remove_prefix(at + from.size());
  }
}

Outcome Evaluator::join_list(const Node& node, const Arguments& arguments) {
  const auto* list = arguments[0].get().if_array();
  if (list == nullptr) return wrong_type(node, "join", "a list of strings", arguments[0].get());
  std::string_view separator;
  if (arguments.size() == 2) {
    if (!arguments[1].get().is_string())
      return wrong_type(node, "join", "a string as its argument", arguments[1].get());
    separator = arguments[1].get().get_string();
  }
  std::string out;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto* item = (*list)[i].if_string();
    if (item == nullptr) {
      return fail(node, fmt::format("join needs a list of strings, item {} is {}", i, kind_name(kind_of((*list)[i]))),
                  "write list.map(x, string(x)).join(separator)");
    }
    if (!spend(1) || !allocate(static_cast<std::int64_t>(item->size() + separator.size()))) return over(node);
    if (i > 0) out += separator;
    out += std::string_view(*item);
  }
  return text(out);
}

Outcome Evaluator::convert(const Node& node, FunctionId id, const json::value& value) {
  switch (id) {
    case FunctionId::to_int: return to_integer(node, value);
    case FunctionId::to_double: return to_floating(node, value);
    case FunctionId::to_string: {
      if (!allocate(value)) return over(node);
      auto converted = to_text(value, scope_);
      return converted ? text(*converted) : fail(node, std::move(converted).error());
    }
    default: break;
  }
  if (value.is_bool()) return boolean(value.get_bool());
  if (!value.is_string()) return wrong_type(node, "bool", "a bool or a string", value);
  const std::string_view word = value.get_string();
  if (word == "true") return boolean(true);
  if (word == "false") return boolean(false);
  return fail(node, "bool needs \"true\" or \"false\"");
}

Outcome Evaluator::to_integer(const Node& node, const json::value& value) {
  const auto kind = kind_of(value);
  if (kind == Kind::string) {
    const std::string_view digits = value.get_string();
    std::int64_t result = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), result);
    if (parsed.ec == std::errc::result_out_of_range) return fail(node, "int: the number is outside the 64-bit range");
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
      return fail(node, "int: the string is not an integer", "write int(double(x)) for a number with a fraction");
    }
    return integer(result);
  }
  if (kind != Kind::integer && kind != Kind::floating) {
    if (kind == Kind::boolean) return fail(node, "int needs a number or a string, got bool", "write x ? 1 : 0");
    return wrong_type(node, "int", "a number or a string", value);
  }
  const auto number = as_number(value);
  if (!number) return fail(node, number.error());
  if (const auto* whole = std::get_if<std::int64_t>(&*number)) return integer(*whole);
  const double truncated = std::trunc(std::get<double>(*number));
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (truncated < -kTwoTo63 || truncated >= kTwoTo63)
    return fail(node, fmt::format("int: {} is outside the 64-bit range", truncated));
  return integer(static_cast<std::int64_t>(truncated));
}

Outcome Evaluator::to_floating(const Node& node, const json::value& value) {
  const auto kind = kind_of(value);
  if (kind == Kind::string) {
    const std::string_view digits = value.get_string();
    double result = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), result);
    const bool whole = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
    if (!whole || !std::isfinite(result)) return fail(node, "double: the string is not a finite number");
    return Value(json::value(result));
  }
  if (kind != Kind::integer && kind != Kind::floating) return wrong_type(node, "double", "a number or a string", value);
  const auto number = as_number(value);
  if (!number) return fail(node, number.error());
  return Value(json::value(std::visit([](auto x) { return static_cast<double>(x); }, *number)));
}

Outcome Evaluator::extreme(const Node& node, FunctionId id, const Arguments& arguments) {
  const auto name = function(id).name;
  std::vector<const json::value*> candidates;
  if (const auto* list = arguments[0].get().if_array(); arguments.size() == 1) {
    if (list == nullptr) return wrong_type(node, name, "a list, or several values", arguments[0].get());
    for (const auto& item : *list)
      candidates.push_back(&item);
  } else {
    for (const auto& argument : arguments)
      candidates.push_back(&argument.get());
  }
  if (candidates.empty())
    return fail(node, fmt::format("{} of an empty list", name), fmt::format("write size(x) > 0 ? {}(x) : other", name));
  const auto* best = candidates[0];
  const auto op = id == FunctionId::min ? BinaryOperator::less : BinaryOperator::greater;
  for (const auto* candidate : candidates) {
    if (!spend(1)) return over(node);
    const auto kind = kind_of(*candidate);
    if (kind != Kind::integer && kind != Kind::floating && kind != Kind::string) {
      return wrong_type(node, name, "numbers or strings", *candidate);
    }
    auto better = compare(node, op, *candidate, *best);
    if (!better.ok()) return better;
    if (better.get().get_bool()) best = candidate;
  }
  if (!allocate(*best)) return over(node);
  return Value(*best);
}

Outcome Evaluator::sum(const Node& node, const json::value& list) {
  const auto* items = list.if_array();
  if (items == nullptr) return wrong_type(node, "sum", "a list of numbers", list);
  Value total(json::value(std::int64_t{0}));
  for (const auto& item : *items) {
    if (!spend(1)) return over(node);
    if (!item.is_number()) return wrong_type(node, "sum", "a list of numbers", item);
    auto next = arithmetic(node, BinaryOperator::add, std::move(total), Value::borrow(item));
    if (!next.ok()) return next;
    total = std::get<Value>(std::move(next));
  }
  return total;
}

Outcome Evaluator::range(const Node& node, const Arguments& arguments) {
  std::int64_t bounds[3] = {0, 0, 1};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& value = arguments[i].get();
    if (kind_of(value) != Kind::integer) return wrong_type(node, "range", "integers", value);
    const auto number = as_number(value);
    if (!number) return fail(node, number.error());
    bounds[arguments.size() == 1 ? 1 : i] = std::get<std::int64_t>(*number);
  }
  const auto [start, end, step] = bounds;
  if (step == 0) return fail(node, "range needs a step other than 0");
  json::array list;
  for (std::int64_t at = start; step > 0 ? at < end : at > end;) {
    if (!spend(1) || !allocate(kItemBytes)) return over(node);
    list.emplace_back(at);
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return Value(json::value(std::move(list)));
}

}  // namespace stoker::expression
