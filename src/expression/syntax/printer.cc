#include "expression/syntax/printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/overloaded.h"
#include "expression/operators.h"
#include "expression/syntax/ast.h"
#include "expression/value.h"

namespace stoker::expression {

namespace {

constexpr int kConditionalPower = 1;
constexpr int kUnaryPower = 7;
constexpr int kPostfixPower = 8;
constexpr int kPrimaryPower = 9;

int power(const Node& node) {
  return std::visit(overloaded{
                        [](const Literal& literal) {
                          // A negative number begins with an operator.
                          const bool negative = (literal.value.is_int64() && literal.value.get_int64() < 0) ||
                                                (literal.value.is_double() && std::signbit(literal.value.get_double()));
                          return negative ? kUnaryPower : kPrimaryPower;
                        },
                        [](const Conditional&) { return kConditionalPower; },
                        [](const Binary& binary) { return operator_row(binary.op).power; },
                        [](const Unary&) { return kUnaryPower; },
                        [](const Select&) { return kPostfixPower; },
                        [](const Index&) { return kPostfixPower; },
                        [](const Comprehension&) { return kPostfixPower; },
                        [](const auto&) { return kPrimaryPower; },
                    },
                    node.form);
}

std::string print_at(const Node& node, int least) {
  return power(node) >= least ? print(node) : "(" + print(node) + ")";
}

std::string print_list(const Node& node, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < node.operands.size(); ++i)
    out += (i > from ? ", " : "") + print(node.operands[i]);
  return out;
}

std::string print_unary(const Unary& unary, const Node& operand) {
  // "-1" is a literal, so the negation of the literal 1 needs its parentheses.
  const bool number =
      std::holds_alternative<Literal>(operand.form) && std::get<Literal>(operand.form).value.is_number();
  const auto inner = number ? "(" + print(operand) + ")" : print_at(operand, kUnaryPower);
  return (unary.op == UnaryOperator::negate ? "-" : "!") + inner;
}

std::string print_map(const Node& node) {
  std::string out = "{";
  for (std::size_t i = 0; i + 1 < node.operands.size(); i += 2) {
    out += (i > 0 ? ", " : "") + print(node.operands[i]) + ": " + print(node.operands[i + 1]);
  }
  return out + "}";
}

}  // namespace

bool is_keyword(std::string_view name) {
  return name == "in" || name == "true" || name == "false" || name == "null";
}

bool is_identifier(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

std::string print(const Node& node) {
  const auto& operands = node.operands;
  return std::visit(
      overloaded{
          [](const Literal& literal) {
            const auto* text = literal.value.if_string();
            return text != nullptr ? quote(*text) : number_text(literal.value);
          },
          [](const Variable& variable) { return variable.name; },
          [](const Named& named) { return named.reference.text(); },
          [&](const Unary& unary) { return print_unary(unary, operands[0]); },
          [&](const Binary& binary) {
            const auto& row = operator_row(binary.op);
            return fmt::format("{} {} {}", print_at(operands[0], row.power), row.text,
                               print_at(operands[1], row.power + 1));
          },
          [&](const Conditional&) {
            return fmt::format("{} ? {} : {}", print_at(operands[0], kConditionalPower + 1),
                               print_at(operands[1], kConditionalPower + 1), print(operands[2]));
          },
          [&](const Select& select) { return print_at(operands[0], kPostfixPower) + "." + select.field; },
          [&](const Index&) { return print_at(operands[0], kPostfixPower) + "[" + print(operands[1]) + "]"; },
          [&](const ListLiteral&) { return "[" + print_list(node, 0) + "]"; },
          [&](const MapLiteral&) { return print_map(node); },
          [&](const Has&) { return "has(" + print(operands[0]) + ")"; },
          [&](const Call& call) {
            const auto name = std::string(function(call.function).name);
            if (!call.method) return name + "(" + print_list(node, 0) + ")";
            return print_at(operands[0], kPostfixPower) + "." + name + "(" + print_list(node, 1) + ")";
          },
          [&](const Comprehension& comprehension) {
            return fmt::format("{}.{}({}, {})", print_at(operands[0], kPostfixPower), macro_name(comprehension.macro),
                               comprehension.variable, print_list(node, 1));
          },
      },
      node.form);
}

}  // namespace stoker::expression
