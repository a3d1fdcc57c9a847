#include "expression/template.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "expression/value.h"

namespace stoker::expression {

namespace {

constexpr std::string_view kOpen = "${{";

Problem problem(std::size_t offset, std::string message, std::string hint = {}) {
  return {offset, {.code = ErrorCode::invalid_expression, .message = std::move(message), .hint = std::move(hint)}};
}

bool is_line_break(std::string_view text) {
  return text.empty() || text == "\n" || text == "\r\n";
}

}  // namespace

std::variant<Template, Problem> Template::read(std::string_view text) {
  if (text.size() > kMaximumTemplateBytes)
    return problem(0, fmt::format("text is longer than {} bytes", kMaximumTemplateBytes));
  Template result;
  std::size_t at = 0;
  for (auto open = text.find(kOpen); open != std::string_view::npos; open = text.find(kOpen, at)) {
    auto& before = result.texts_.back();
    if (open > at && text[open - 1] == '$') {  // $${{: one $ less, and no expression
      before += text.substr(at, open - 1 - at);
      before += kOpen;
      at = open + kOpen.size();
      continue;
    }
    before += text.substr(at, open - at);
    if (!is_utf8(text)) return problem(open, "the text is not UTF-8");
    const auto start = open + kOpen.size();
    if (text.find("}}", start) == std::string_view::npos) {
      return problem(open, "${{ without its }}", "write $${{ for the characters ${{ themselves");
    }
    if (text.find_first_not_of(" \t\r\n", start) == text.find("}}", start)) return problem(open, "expression is empty");
    std::size_t end = 0;
    auto expression = Expression::read_in_braces(text, start, end);
    if (auto* wrong = std::get_if<Problem>(&expression)) return std::move(*wrong);
    if (!text.substr(end).starts_with("}}")) {
      return problem(end, "the expression ends with one }, not with }}", "write }} to close ${{");
    }
    at = end + 2;
    result.expressions_.push_back(std::get<Expression>(std::move(expression)));
    result.texts_.emplace_back();
  }
  result.texts_.back() += text.substr(at);
  result.whole_ = result.expressions_.size() == 1 && result.texts_[0].empty() && is_line_break(result.texts_[1]);
  return result;
}

Result<Template> Template::parse(std::string_view text) {
  auto result = read(text);
  if (const auto* wrong = std::get_if<Problem>(&result)) return located(*wrong, text, "text");
  return std::get<Template>(std::move(result));
}

std::vector<Reference> Template::references() const {
  std::vector<Reference> all;
  for (const auto& expression : expressions_) {
    all.insert(all.end(), expression.references().begin(), expression.references().end());
  }
  return all;
}

Result<json::value> Template::evaluate(const Scope& scope, const Limits& limits) const {
  if (whole_) return expressions_[0].hand_on(scope, limits);
  TRY_ASSIGN(auto text, evaluate_text(scope, limits));
  return json::value(text);
}

Result<std::string> Template::evaluate_text(const Scope& scope, const Limits& limits) const {
  std::string out = texts_[0];
  for (std::size_t i = 0; i < expressions_.size(); ++i) {
    const auto& expression = expressions_[i];
    TRY_ASSIGN(const auto value, expression.evaluate(scope, limits));
    auto text = to_text(value, scope);
    if (!text) return std::move(text).with_context(fmt::format("expression `{}`", expression.text())).error();
    out += *text;
    // A whole expression that must be text is that text: the line break after it is the document's.
    if (!whole_) out += texts_[i + 1];
    if (out.size() > static_cast<std::size_t>(limits.bytes)) {
      return Error{.code = ErrorCode::limit_exceeded,
                   .message = fmt::format("the text is longer than {} bytes", limits.bytes)};
    }
  }
  return out;
}

}  // namespace stoker::expression
