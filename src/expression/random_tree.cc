#include "expression/random_tree.h"

#include <algorithm>
#include <array>
#include <limits>

#include "expression/operators.h"

namespace stoker::expression {

namespace {

// Small enough that parentheses never reach the parser's limit.
constexpr std::size_t kDeepest = 8;
constexpr std::size_t kMostOperands = 3;

class Builder {
 public:
  explicit Builder(std::span<const std::uint8_t> choices) : choices_(choices) {}

  Node build(std::size_t depth) {
    const auto kind = depth >= kDeepest ? choose(4) : choose(14);
    switch (kind) {
      case 0: return leaf(literal());
      case 1: return leaf(Named{reference()});
      case 2: return variables_.empty() ? leaf(literal()) : leaf(variable());
      case 3: return leaf(number());
      case 4: return node(Unary{choose(2) == 0 ? UnaryOperator::negate : UnaryOperator::invert}, depth, 1);
      case 5:
      case 6: return node(Binary{static_cast<BinaryOperator>(choose(14))}, depth, 2);
      case 7: return node(Conditional{}, depth, 3);
      case 8: return node(Select{field()}, depth, 1);
      case 9: return node(Index{}, depth, 2);
      case 10:
        return choose(2) == 0 ? node(ListLiteral{}, depth, choose(kMostOperands + 1))
                              : node(MapLiteral{}, depth, 2 * choose(kMostOperands));
      case 11: return has(depth);
      case 12: return call(depth);
      default: return comprehension(depth);
    }
  }

 private:
  std::size_t choose(std::size_t options) {
    if (at_ >= choices_.size()) return 0;
    return choices_[at_++] % options;
  }

  static Node leaf(Form form) { return Node{std::move(form), {}, 0}; }

  Node node(Form form, std::size_t depth, std::size_t operands) {
    Node made{std::move(form), {}, 0};
    for (std::size_t i = 0; i < operands; ++i)
      made.operands.push_back(build(depth + 1));
    return made;
  }

  Literal number() {
    const std::array<json::value, 12> numbers{0,
                                              1,
                                              -1,
                                              7,
                                              0.5,
                                              -2.0,
                                              1e300,
                                              -0.0,
                                              std::numeric_limits<std::int64_t>::max(),
                                              std::numeric_limits<std::int64_t>::min(),
                                              std::numeric_limits<double>::max(),
                                              std::numeric_limits<double>::min()};
    return Literal{numbers[choose(numbers.size())]};
  }

  Literal literal() {
    const std::array<json::value, 10> values{true, false, nullptr, "", "a", "ab", "\"\\\n\t\x01", "ä€😀", "}}${{", 2};
    return Literal{values[choose(values.size())]};
  }

  std::string field() {
    constexpr std::array<const char*, 4> kFields{"a", "b", "in", "outputs"};
    return kFields[choose(kFields.size())];
  }

  Reference reference() {
    Reference made{.kind = static_cast<ReferenceKind>(choose(9)), .soft = soft_ > 0};
    constexpr std::array<const char*, 4> kNames{"a", "b-c", "in", "x y"};
    constexpr std::array<const char*, 4> kRun{"id", "pipeline", "attempt", "state"};
    switch (made.kind) {
      case ReferenceKind::step_output: made.step = kNames[choose(kNames.size())]; [[fallthrough]];
      case ReferenceKind::parameter:
      case ReferenceKind::input:
      case ReferenceKind::output: made.name = kNames[choose(kNames.size())]; break;
      case ReferenceKind::step_state: made.step = kNames[choose(kNames.size())]; break;
      case ReferenceKind::run: made.name = kRun[choose(kRun.size())]; break;
      default: break;
    }
    return made;
  }

  Variable variable() {
    // A name means the innermost variable of that name.
    const auto& name = variables_[choose(variables_.size())];
    const auto innermost = std::find(variables_.rbegin(), variables_.rend(), name);
    return {name, static_cast<std::size_t>(variables_.rend() - innermost) - 1};
  }

  Node has(std::size_t depth) {
    ++soft_;
    Node made{Has{}, {}, 0};
    made.operands.push_back(choose(2) == 0 ? leaf(Named{reference()}) : node(Select{field()}, depth + 1, 1));
    --soft_;
    return made;
  }

  Node call(std::size_t depth) {
    const auto& row = functions()[choose(functions().size())];
    const bool soft = row.id == FunctionId::one_of;
    const bool method = row.method && (!row.global || choose(2) == 0);
    const auto most = std::min(row.maximum, row.minimum + kMostOperands);
    const auto count = row.minimum + choose(most - row.minimum + 1);
    soft_ += soft ? 1 : 0;
    auto made = node(Call{row.id, method, nullptr}, depth, count);
    soft_ -= soft ? 1 : 0;
    if (row.id == FunctionId::matches) {
      constexpr std::array<const char*, 4> kPatterns{"", "a|b", "(a+)*$", "[^x]{2,3}?"};
      made.operands[1] = leaf(Literal{json::value(kPatterns[choose(kPatterns.size())])});
    }
    return made;
  }

  Node comprehension(std::size_t depth) {
    const auto macro = static_cast<Macro>(choose(5));
    constexpr std::array<const char*, 3> kNames{"x", "y", "a"};
    const std::string name = kNames[choose(kNames.size())];
    Node made{Comprehension{macro, name}, {}, 0};
    made.operands.push_back(build(depth + 1));
    variables_.push_back(name);
    const std::size_t bodies = macro == Macro::map ? 1 + choose(2) : 1;
    for (std::size_t i = 0; i < bodies; ++i)
      made.operands.push_back(build(depth + 1));
    variables_.pop_back();
    return made;
  }

  std::span<const std::uint8_t> choices_;
  std::size_t at_ = 0;
  std::size_t soft_ = 0;
  std::vector<std::string> variables_;
};

}  // namespace

Node random_tree(std::span<const std::uint8_t> choices) {
  return Builder(choices).build(0);
}

}  // namespace stoker::expression
