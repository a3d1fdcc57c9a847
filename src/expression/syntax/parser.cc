#include "expression/syntax/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/strings.h"
#include "expression/limits.h"
#include "expression/operators.h"
#include "expression/syntax/lexer.h"
#include "expression/syntax/printer.h"

namespace stoker::expression {

namespace {

const std::vector<std::string> kRoots{"parameters", "steps", "item", "index", "iteration", "outputs", "inputs", "run"};
const std::vector<std::string> kRunFields{"id", "pipeline", "attempt", "state"};
const std::vector<std::string> kStepFields{"outputs", "state"};

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Every parse_* leaves none in case of a problem, and problem_ says which.
using Tree = std::optional<Node>;

class Parser {
 public:
  Parser(std::string_view text, std::size_t offset) : lexer_(text, offset) {}

  std::variant<Parsed, Problem> run(Ending ending) {
    if (advance()) {
      if (auto root = parse_conditional(); root && at_end(ending)) return Parsed{std::move(*root), token_.offset};
    }
    return problem_;
  }

 private:
  Tree parse_conditional();
  Tree parse_binary(int least);
  Tree parse_unary();
  Tree parse_postfix(Tree operand);
  Tree parse_primary();
  Tree parse_number(bool negative, std::size_t offset);
  Tree parse_identifier();
  Tree parse_list();
  Tree parse_map();
  Tree parse_member(Node operand);
  Tree parse_method(Node receiver, const Token& name);
  Tree parse_global(const Token& name);
  Tree parse_has(const Token& name);
  Tree parse_macro(Macro macro, Node list, const Token& name);
  Tree parse_reference(const Token& root);
  std::optional<std::string> parse_name(const std::string& path, const std::string& example);
  bool parse_arguments(std::vector<Node>& arguments);
  Tree finish_call(const Function& row, bool method, std::vector<Node> operands, std::size_t offset);
  Tree unknown_function(const Token& name);

  bool at_end(Ending ending);
  bool advance();
  bool is(std::string_view symbol) const { return token_.kind == TokenKind::symbol && token_.text == symbol; }
  bool expect(std::string_view symbol, std::string_view where);
  std::string found() const { return token_.kind == TokenKind::end ? "the end" : std::string(token_.text); }
  std::nullopt_t fail(std::size_t offset, std::string message, std::string hint = {});
  Tree make(Form form, std::vector<Node> operands, std::size_t offset);

  Lexer lexer_;
  Token token_;
  Problem problem_;
  std::vector<std::string> variables_;
  std::size_t nesting_ = 0;
  // Inside one_of(…) and has(…).
  std::size_t soft_ = 0;
};

std::nullopt_t Parser::fail(std::size_t offset, std::string message, std::string hint) {
  problem_ = {offset, {.code = ErrorCode::invalid_expression, .message = std::move(message), .hint = std::move(hint)}};
  return std::nullopt;
}

bool Parser::advance() {
  if (lexer_.next(token_)) return true;
  problem_ = lexer_.problem();
  return false;
}

bool Parser::expect(std::string_view symbol, std::string_view where) {
  if (is(symbol)) return advance();
  fail(token_.offset, fmt::format("expected {} {}, found {}", symbol, where, found()));
  return false;
}

bool Parser::at_end(Ending ending) {
  if (ending == Ending::text ? token_.kind == TokenKind::end : is("}")) return true;
  std::string hint;
  if (token_.kind == TokenKind::identifier) {
    if (token_.text == "and") hint = "write && for and";
    if (token_.text == "or") hint = "write || for or";
    if (token_.text == "if") hint = "write condition ? value : other";
    if (token_.text == "not") hint = "write !(x in list)";
  }
  fail(token_.offset, fmt::format("expected an operator or the end, found {}", found()), hint);
  return false;
}

Tree Parser::make(Form form, std::vector<Node> operands, std::size_t offset) {
  Node node{std::move(form), std::move(operands), offset};
  for (const auto& operand : node.operands)
    node.depth = std::max(node.depth, operand.depth + 1);
  if (node.depth > kMaximumDepth) return fail(offset, fmt::format("nested deeper than {}", kMaximumDepth));
  return node;
}

Tree Parser::parse_conditional() {
  if (++nesting_ > kMaximumDepth) return fail(token_.offset, fmt::format("nested deeper than {}", kMaximumDepth));
  const auto offset = token_.offset;
  auto condition = parse_binary(operator_row(BinaryOperator::logical_or).power);
  if (condition && is("?")) {
    if (!advance()) return std::nullopt;
    auto yes = parse_binary(operator_row(BinaryOperator::logical_or).power);
    if (!yes || !expect(":", "between the two values of ?")) return std::nullopt;
    auto no = parse_conditional();
    if (!no) return std::nullopt;
    std::vector<Node> operands;
    operands.push_back(std::move(*condition));
    operands.push_back(std::move(*yes));
    operands.push_back(std::move(*no));
    condition = make(Conditional{}, std::move(operands), offset);
  }
  --nesting_;
  return condition;
}

Tree Parser::parse_binary(int least) {
  auto left = parse_unary();
  while (left) {
    const bool word = token_.kind == TokenKind::identifier && token_.text == "in";
    const auto* row = word || token_.kind == TokenKind::symbol ? find_operator(token_.text) : nullptr;
    if (row == nullptr || row->power < least) return left;
    const auto offset = token_.offset;
    if (!advance()) return std::nullopt;
    auto right = parse_binary(row->power + 1);
    if (!right) return std::nullopt;
    std::vector<Node> operands;
    operands.push_back(std::move(*left));
    operands.push_back(std::move(*right));
    left = make(Binary{row->op}, std::move(operands), offset);
  }
  return left;
}

Tree Parser::parse_unary() {
  if (!is("-") && !is("!")) return parse_postfix(parse_primary());
  if (++nesting_ > kMaximumDepth) return fail(token_.offset, fmt::format("nested deeper than {}", kMaximumDepth));
  const auto op = is("-") ? UnaryOperator::negate : UnaryOperator::invert;
  const auto offset = token_.offset;
  if (!advance()) return std::nullopt;
  const bool number = token_.kind == TokenKind::integer || token_.kind == TokenKind::floating;
  // -9223372036854775808 has no positive twin: minus and digits are one literal, unless a member is taken of the
  // digits.
  Tree operand = op == UnaryOperator::negate && number ? parse_number(true, offset) : parse_unary();
  --nesting_;
  if (!operand) return std::nullopt;
  if (op == UnaryOperator::negate && number) {
    if (!is(".") && !is("[")) return operand;
    auto& value = std::get<Literal>(operand->form).value;
    if (value.is_double()) {
      value = -value.get_double();
    } else if (value.get_int64() != std::numeric_limits<std::int64_t>::min()) {
      value = -value.get_int64();
    }
    operand = parse_postfix(std::move(operand));
    if (!operand) return std::nullopt;
  }
  std::vector<Node> operands;
  operands.push_back(std::move(*operand));
  return make(Unary{op}, std::move(operands), offset);
}

Tree Parser::parse_number(bool negative, std::size_t offset) {
  const Token number = token_;
  if (!advance()) return std::nullopt;
  if (number.kind == TokenKind::floating)
    return make(Literal{negative ? -number.floating : number.floating}, {}, offset);
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (number.integer > kLargest + (negative ? 1 : 0)) {
    return fail(number.offset, fmt::format("integer {} is outside the 64-bit range", number.text));
  }
  // Unsigned arithmetic wraps, which also gives the smallest integer.
  const auto value = static_cast<std::int64_t>(negative ? 0 - number.integer : number.integer);
  return make(Literal{value}, {}, offset);
}

Tree Parser::parse_postfix(Tree operand) {
  while (operand) {
    if (is(".")) {
      if (!advance()) return std::nullopt;
      operand = parse_member(std::move(*operand));
    } else if (is("[")) {
      const auto offset = token_.offset;
      if (!advance()) return std::nullopt;
      auto index = parse_conditional();
      if (!index || !expect("]", "after the index")) return std::nullopt;
      std::vector<Node> operands;
      operands.push_back(std::move(*operand));
      operands.push_back(std::move(*index));
      operand = make(Index{}, std::move(operands), offset);
    } else {
      return operand;
    }
  }
  return operand;
}

Tree Parser::parse_member(Node operand) {
  if (token_.kind != TokenKind::identifier)
    return fail(token_.offset, fmt::format("expected a name after the dot, found {}", found()));
  const Token name = token_;
  if (!advance()) return std::nullopt;
  if (is("(")) return parse_method(std::move(operand), name);
  std::vector<Node> operands;
  operands.push_back(std::move(operand));
  return make(Select{std::string(name.text)}, std::move(operands), name.offset);
}

Tree Parser::parse_primary() {
  const auto offset = token_.offset;
  switch (token_.kind) {
    case TokenKind::integer:
    case TokenKind::floating: return parse_number(false, offset);
    case TokenKind::string: {
      Literal literal{json::value(token_.string)};
      if (!advance()) return std::nullopt;
      return make(std::move(literal), {}, offset);
    }
    case TokenKind::identifier: return parse_identifier();
    case TokenKind::end: return fail(offset, "expected a value, found the end");
    case TokenKind::symbol: break;
  }
  if (is("[")) return parse_list();
  if (is("{")) return parse_map();
  if (is("(")) {
    if (!advance()) return std::nullopt;
    auto inner = parse_conditional();
    if (!inner || !expect(")", "to close the parenthesis")) return std::nullopt;
    return inner;
  }
  return fail(offset, fmt::format("expected a value, found {}", found()));
}

Tree Parser::parse_list() {
  const auto offset = token_.offset;
  std::vector<Node> items;
  if (!advance()) return std::nullopt;
  while (!is("]")) {
    auto item = parse_conditional();
    if (!item) return std::nullopt;
    items.push_back(std::move(*item));
    if (is("]")) break;
    if (!expect(",", "or ] in the list")) return std::nullopt;
  }
  if (!advance()) return std::nullopt;
  return make(ListLiteral{}, std::move(items), offset);
}

Tree Parser::parse_map() {
  const auto offset = token_.offset;
  std::vector<Node> members;
  if (!advance()) return std::nullopt;
  while (!is("}")) {
    auto key = parse_conditional();
    if (!key || !expect(":", "after the key of the map")) return std::nullopt;
    auto value = parse_conditional();
    if (!value) return std::nullopt;
    members.push_back(std::move(*key));
    members.push_back(std::move(*value));
    if (is("}")) break;
    if (!expect(",", "or } in the map")) return std::nullopt;
  }
  if (!advance()) return std::nullopt;
  return make(MapLiteral{}, std::move(members), offset);
}

Tree Parser::parse_identifier() {
  const Token name = token_;
  if (!advance()) return std::nullopt;
  if (name.text == "true") return make(Literal{json::value(true)}, {}, name.offset);
  if (name.text == "false") return make(Literal{json::value(false)}, {}, name.offset);
  if (name.text == "null") return make(Literal{json::value(nullptr)}, {}, name.offset);
  if (is("(")) return parse_global(name);
  const auto variable = std::find(variables_.rbegin(), variables_.rend(), name.text);
  if (variable != variables_.rend()) {
    const auto slot = static_cast<std::size_t>(variables_.rend() - variable) - 1;
    return make(Variable{std::string(name.text), slot}, {}, name.offset);
  }
  if (contains(kRoots, name.text)) return parse_reference(name);

  if (name.text == "None") return fail(name.offset, "unknown name None", "write null");
  if (name.text == "True") return fail(name.offset, "unknown name True", "write true");
  if (name.text == "False") return fail(name.offset, "unknown name False", "write false");
  if (name.text == "not") return fail(name.offset, "unknown name not", "write ! for not");
  if (name.text == "in") return fail(name.offset, "expected a value, found in");
  auto candidates = kRoots;
  candidates.insert(candidates.end(), variables_.begin(), variables_.end());
  auto hint = did_you_mean(name.text, candidates);
  if (hint.empty()) {
    hint = fmt::format(
        "names begin with parameters, steps, item, index, iteration, outputs, inputs or run; text stands in quotes: "
        "\"{}\"; "
        "a name with a hyphen is written parameters[\"a-b\"]",
        name.text);
  }
  return fail(name.offset, fmt::format("unknown name {}", name.text), hint);
}

// .name or ["name"] after `path`.
std::optional<std::string> Parser::parse_name(const std::string& path, const std::string& example) {
  std::string name;
  const auto missing = [&] {
    return fail(token_.offset, fmt::format("{} needs a name", path), fmt::format("write {}", example));
  };
  if (is(".")) {
    if (!advance()) return std::nullopt;
    if (token_.kind != TokenKind::identifier) return missing();
    name = token_.text;
    if (!advance()) return std::nullopt;
    if (is("(")) return missing();
    return name;
  }
  if (!is("[")) return missing();
  if (!advance()) return std::nullopt;
  if (token_.kind != TokenKind::string) {
    return fail(token_.offset, fmt::format("{}[…] needs a name in quotes", path),
                "the names that an expression reads are known before the run");
  }
  name = token_.string;
  if (name.empty()) return missing();
  if (!advance() || !expect("]", "after the name")) return std::nullopt;
  return name;
}

Tree Parser::parse_reference(const Token& root) {
  Reference reference{.soft = soft_ > 0, .offset = root.offset};
  std::optional<std::string> name = "";
  if (root.text == "item") {
    reference.kind = ReferenceKind::item;
  } else if (root.text == "index") {
    reference.kind = ReferenceKind::index;
  } else if (root.text == "iteration") {
    reference.kind = ReferenceKind::iteration;
  } else if (root.text == "parameters") {
    reference.kind = ReferenceKind::parameter;
    name = parse_name("parameters", "parameters.NAME");
  } else if (root.text == "outputs") {
    reference.kind = ReferenceKind::output;
    name = parse_name("outputs", "outputs.NAME");
  } else if (root.text == "inputs") {
    reference.kind = ReferenceKind::input;
    name = parse_name("inputs", "inputs.NAME");
  } else if (root.text == "run") {
    reference.kind = ReferenceKind::run;
    const auto at = token_.offset;
    name = parse_name("run", "run.id, run.pipeline, run.attempt or run.state");
    if (name && !contains(kRunFields, *name)) {
      return fail(at, fmt::format("run has id, pipeline, attempt and state, not {}", *name),
                  did_you_mean(*name, kRunFields));
    }
  } else {
    auto step = parse_name("steps", "steps.NAME.outputs.OUTPUT");
    if (!step) return std::nullopt;
    reference.step = std::move(*step);
    const auto at = token_.offset;
    const auto path = "steps." + reference.step;
    const auto field = parse_name(path, path + ".outputs.OUTPUT");
    if (!field) return std::nullopt;
    if (!contains(kStepFields, *field)) {
      return fail(at, fmt::format("{} has outputs and state, not {}", path, *field), did_you_mean(*field, kStepFields));
    }
    reference.kind = *field == "state" ? ReferenceKind::step_state : ReferenceKind::step_output;
    if (*field == "outputs") name = parse_name(path + ".outputs", path + ".outputs.OUTPUT");
  }
  if (!name) return std::nullopt;
  reference.name = std::move(*name);
  return make(Named{std::move(reference)}, {}, root.offset);
}

bool Parser::parse_arguments(std::vector<Node>& arguments) {
  if (!expect("(", "before the arguments")) return false;
  while (!is(")")) {
    auto argument = parse_conditional();
    if (!argument) return false;
    arguments.push_back(std::move(*argument));
    if (is(")")) break;
    if (!expect(",", "or ) after an argument")) return false;
  }
  return advance();
}

Tree Parser::unknown_function(const Token& name) {
  auto hint = did_you_mean(name.text, function_names());
  if (name.text == "len") hint = "write size(x)";
  if (name.text == "str") hint = "write string(x)";
  if (name.text == "float") hint = "write double(x)";
  return fail(name.offset, fmt::format("unknown function {}", name.text), hint);
}

Tree Parser::parse_global(const Token& name) {
  if (name.text == "has") return parse_has(name);
  const auto* row = find_function(name.text);
  if (row == nullptr && !find_macro(name.text)) return unknown_function(name);
  if (row == nullptr || !row->global) {
    const auto signature = row != nullptr ? std::string(row->signature) : fmt::format("list.{}(x, …)", name.text);
    return fail(name.offset, fmt::format("{} is called on a value", name.text), "write " + signature);
  }
  const bool soft = row->id == FunctionId::one_of;
  soft_ += soft ? 1 : 0;
  std::vector<Node> arguments;
  if (!parse_arguments(arguments)) return std::nullopt;
  soft_ -= soft ? 1 : 0;
  return finish_call(*row, false, std::move(arguments), name.offset);
}

Tree Parser::parse_has(const Token& name) {
  std::vector<Node> arguments;
  ++soft_;
  if (!parse_arguments(arguments)) return std::nullopt;
  --soft_;
  if (arguments.size() != 1) return fail(name.offset, fmt::format("has takes 1 argument, got {}", arguments.size()));
  const auto& form = arguments[0].form;
  if (!std::holds_alternative<Select>(form) && !std::holds_alternative<Named>(form)) {
    return fail(arguments[0].offset, "has takes a field such as has(item.name)");
  }
  return make(Has{}, std::move(arguments), name.offset);
}

Tree Parser::parse_method(Node receiver, const Token& name) {
  if (const auto macro = find_macro(name.text)) return parse_macro(*macro, std::move(receiver), name);
  const auto* row = find_function(name.text);
  if (row == nullptr) return unknown_function(name);
  if (!row->method)
    return fail(name.offset, fmt::format("{} is not called on a value", name.text),
                fmt::format("write {}", row->signature));
  std::vector<Node> operands;
  operands.push_back(std::move(receiver));
  if (!parse_arguments(operands)) return std::nullopt;
  return finish_call(*row, true, std::move(operands), name.offset);
}

Tree Parser::parse_macro(Macro macro, Node list, const Token& name) {
  const auto example = fmt::format("write list.{}(x, …)", name.text);
  if (!advance()) return std::nullopt;
  const Token variable = token_;
  if (variable.kind != TokenKind::identifier || is_keyword(variable.text)) {
    return fail(variable.offset, fmt::format("{} needs the name of a variable first", name.text), example);
  }
  if (contains(kRoots, variable.text)) {
    return fail(variable.offset, fmt::format("{} has a meaning of its own and cannot be a variable", variable.text),
                example);
  }
  if (!advance() || !expect(",", fmt::format("after the variable of {}", name.text))) return std::nullopt;
  variables_.emplace_back(variable.text);
  std::vector<Node> operands;
  operands.push_back(std::move(list));
  const std::size_t most = macro == Macro::map ? 3 : 2;
  while (true) {
    auto body = parse_conditional();
    if (!body) return std::nullopt;
    operands.push_back(std::move(*body));
    if (!is(",") || operands.size() == most) break;
    if (!advance()) return std::nullopt;
  }
  if (!expect(")", fmt::format("to close {}", name.text))) return std::nullopt;
  variables_.pop_back();
  return make(Comprehension{macro, std::string(variable.text)}, std::move(operands), name.offset);
}

Tree Parser::finish_call(const Function& row, bool method, std::vector<Node> operands, std::size_t offset) {
  const auto self = static_cast<std::size_t>(method ? 1 : 0);
  if (operands.size() < row.minimum || operands.size() > row.maximum) {
    std::string wanted = fmt::format("{}", row.minimum - self);
    if (row.maximum != row.minimum) {
      const bool open = row.maximum == std::numeric_limits<std::size_t>::max();
      wanted = open ? "at least " + wanted : fmt::format("{} to {}", wanted, row.maximum - self);
    }
    return fail(offset,
                fmt::format("{} takes {} argument{}, got {}", row.name, wanted,
                            wanted == "1" || wanted == "at least 1" ? "" : "s", operands.size() - self),
                fmt::format("write {}", row.signature));
  }
  Call call{row.id, method, nullptr};
  if (row.id == FunctionId::matches) {
    if (const auto* literal = std::get_if<Literal>(&operands[1].form);
        literal != nullptr && literal->value.is_string()) {
      auto regex = Regex::compile(literal->value.get_string());
      if (!regex) return fail(operands[1].offset, regex.error().message, regex.error().hint);
      call.regex = std::make_shared<const Regex>(std::move(*regex));
    }
  }
  return make(std::move(call), std::move(operands), offset);
}

}  // namespace

std::variant<Parsed, Problem> parse_tree(std::string_view text, std::size_t offset, Ending ending) {
  return Parser(text, offset).run(ending);
}

}  // namespace stoker::expression
