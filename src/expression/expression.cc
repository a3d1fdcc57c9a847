#include "expression/expression.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "codec/json.h"
#include "expression/evaluator.h"
#include "expression/syntax/ast.h"
#include "expression/syntax/parser.h"

namespace stoker::expression {

namespace {

void collect(const Node& node, std::vector<Reference>& references) {
  if (const auto* named = std::get_if<Named>(&node.form)) references.push_back(named->reference);
  for (const auto& operand : node.operands)
    collect(operand, references);
}

Problem problem(std::size_t offset, std::string message, std::string hint = {}) {
  return {offset, {.code = ErrorCode::invalid_expression, .message = std::move(message), .hint = std::move(hint)}};
}

std::optional<Problem> unfit(std::string_view text) {
  if (!is_utf8(text)) return problem(0, "the text is not UTF-8");
  return std::nullopt;
}

bool has_opaque(const json::value& value) {
  if (is_opaque(kind_of(value))) return true;
  if (const auto* list = value.if_array()) {
    for (const auto& item : *list) {
      if (has_opaque(item)) return true;
    }
  } else if (const auto* map = value.if_object()) {
    for (const auto& member : *map) {
      if (has_opaque(member.value())) return true;
    }
  }
  return false;
}

}  // namespace

Result<std::string> Scope::text_of(const json::value& binding) const {
  const auto kind = kind_of(binding);
  if (kind == Kind::file || kind == Kind::table) {
    const auto* fields = binding.get_object().begin()->value().if_object();
    const auto* text = fields != nullptr ? fields->if_contains(kind == Kind::file ? "path" : "name") : nullptr;
    if (text != nullptr && text->is_string()) return std::string(text->get_string());
  }
  Error error{.code = ErrorCode::evaluation, .message = fmt::format("a value of type {} has no text", kind_name(kind))};
  if (kind == Kind::secret) error.hint = "list it under `secrets` of the step: it comes as an environment variable";
  if (kind == Kind::artifact) error.hint = "pass it as an input of its own";
  return error;
}

Result<std::string> to_text(const json::value& value, const Scope& scope) {
  const auto kind = kind_of(value);
  if (is_opaque(kind)) return scope.text_of(value);
  switch (kind) {
    case Kind::null:
      return Error{.code = ErrorCode::evaluation,
                   .message = "null has no text",
                   .hint = "give another value: x == null ? \"\" : x"};
    case Kind::string: return std::string(value.get_string());
    case Kind::list:
    case Kind::map: {
      const auto& inner = unwrap(value);
      if (has_opaque(inner)) {
        return Error{
            .code = ErrorCode::evaluation,
            .message = fmt::format("a {} that holds artifacts, files or secrets has no text", kind_name(kind))};
      }
      return codec::canonical_json(inner);
    }
    default: return number_text(value);
  }
}

Expression Expression::make(std::string_view whole, std::size_t offset, std::size_t end, Node root) {
  const auto text = trim(whole.substr(offset, end - offset));
  Expression expression;
  expression.text_ = std::string(text);
  expression.offset_ = static_cast<std::size_t>(text.data() - whole.data());
  collect(root, expression.references_);
  expression.root_ = std::make_shared<const Node>(std::move(root));
  return expression;
}

std::variant<Expression, Problem> Expression::read(std::string_view text) {
  if (text.size() > kMaximumExpressionBytes) {
    return problem(0, fmt::format("expression is longer than {} bytes", kMaximumExpressionBytes));
  }
  if (auto unusable = unfit(text)) return std::move(*unusable);
  if (trim(text).empty()) return problem(0, "expression is empty");
  auto parsed = parse_tree(text, 0, Ending::text);
  if (auto* wrong = std::get_if<Problem>(&parsed)) return std::move(*wrong);
  auto& tree = std::get<Parsed>(parsed);
  return make(text, 0, tree.end, std::move(tree.root));
}

std::variant<Expression, Problem> Expression::read_in_braces(std::string_view text, std::size_t offset,
                                                             std::size_t& end) {
  auto parsed = parse_tree(text, offset, Ending::braces);
  if (auto* wrong = std::get_if<Problem>(&parsed)) return std::move(*wrong);
  auto& tree = std::get<Parsed>(parsed);
  end = tree.end;
  if (tree.end - offset > kMaximumExpressionBytes) {
    return problem(offset, fmt::format("expression is longer than {} bytes", kMaximumExpressionBytes));
  }
  return make(text, offset, tree.end, std::move(tree.root));
}

Result<Expression> Expression::parse(std::string_view text) {
  auto result = read(text);
  if (const auto* wrong = std::get_if<Problem>(&result)) return located(*wrong, text);
  return std::get<Expression>(std::move(result));
}

Result<json::value> Expression::evaluate(const Scope& scope, const Limits& limits) const {
  return result_of(Evaluator(scope, limits).run(*root_, Use::looked_into));
}

Result<json::value> Expression::hand_on(const Scope& scope, const Limits& limits) const {
  return result_of(Evaluator(scope, limits).run(*root_, Use::handed_on));
}

Result<json::value> Expression::result_of(std::variant<Value, Problem> outcome) const {
  if (auto* value = std::get_if<Value>(&outcome)) return std::move(*value).take();
  auto& wrong = std::get<Problem>(outcome);
  wrong.offset = wrong.offset >= offset_ ? wrong.offset - offset_ : 0;
  return located(wrong, text_);
}

}  // namespace stoker::expression
