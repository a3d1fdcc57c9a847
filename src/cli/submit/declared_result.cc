#include "cli/submit/declared_result.h"

#include <fmt/format.h>

namespace stoker::cli {

Result<DeclaredResult> DeclaredResult::parse(const std::string& wanted) {
  DeclaredResult result;
  result.wanted_ = wanted;
  if (wanted.size() > 2 && wanted.starts_with('/') && wanted.ends_with('/')) {
    auto pattern = expression::Regex::compile(std::string_view(wanted).substr(1, wanted.size() - 2));
    if (!pattern) return std::move(pattern).error().with_context("--result");
    result.pattern_ = std::move(pattern).value();
    return result;
  }
  if (wanted.empty() || wanted.find_first_of("= \t/") != std::string::npos)
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("--result {} is neither a name nor a /pattern/", wanted),
                 .hint = "the application declares NAME by printing: stoker-result NAME=VALUE"};
  result.prefix_ = fmt::format("stoker-result {}=", wanted);
  return result;
}

void DeclaredResult::see(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r'))
    line.remove_suffix(1);
  if (!pattern_) {
    if (line.starts_with(prefix_)) value_ = std::string(line.substr(prefix_.size()));
    return;
  }
  const auto groups = pattern_->search(line);
  if (!groups) return;
  const std::size_t shown = pattern_->group_count() > 0 ? 1 : 0;
  value_ = std::string(groups->at(shown).value_or(""));
}

}  // namespace stoker::cli
