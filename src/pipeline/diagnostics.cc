#include "pipeline/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace stoker::pipeline {

namespace {

std::string place_and_message(const Diagnostic& diagnostic) {
  const auto place = diagnostic.mark.line == 0
                         ? diagnostic.file
                         : fmt::format("{}:{}:{}", diagnostic.file, diagnostic.mark.line, diagnostic.mark.column);
  return place.empty() ? diagnostic.message : fmt::format("{}: {}", place, diagnostic.message);
}

}  // namespace

std::string Diagnostic::text() const {
  const auto first = place_and_message(*this);
  return hint.empty() ? first : fmt::format("{}\n    {}", first, hint);
}

void Diagnostics::add(Diagnostic diagnostic) {
  ++total_;
  if (items_.size() < kMaximumKeptDiagnostics) items_.push_back(std::move(diagnostic));
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::map<std::string, std::size_t> file_order;
  for (const auto& item : items_)
    file_order.emplace(item.file, file_order.size());
  auto sorted = items_;
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Diagnostic& a, const Diagnostic& b) {
    return std::tuple(file_order[a.file], a.mark.line, a.mark.column) <
           std::tuple(file_order[b.file], b.mark.line, b.mark.column);
  });
  return sorted;
}

std::string Diagnostics::text() const {
  const auto items = sorted();
  std::string text;
  for (std::size_t i = 0; i < std::min(items.size(), kMaximumDiagnostics); ++i) {
    if (i > 0) text += "\n";
    text += items[i].text();
  }
  if (total_ > kMaximumDiagnostics) text += fmt::format("\nand {} more", total_ - kMaximumDiagnostics);
  return text;
}

Error Diagnostics::error() const {
  Error error{.code = ErrorCode::invalid_document};
  if (items_.size() == 1) {
    error.message = place_and_message(items_.front());
    error.hint = items_.front().hint;
  } else {
    error.message = fmt::format("{} errors\n{}", total_, text());
  }
  return error;
}

}  // namespace stoker::pipeline
