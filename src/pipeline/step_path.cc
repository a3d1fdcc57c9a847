#include "pipeline/step_path.h"

#include <fmt/format.h>

#include <charconv>

#include "base/strings.h"

namespace stoker::pipeline {

namespace {

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// `name`, `name[3]`, `name#2`, `name[3]#2`.
std::optional<PathSegment> parse_segment(std::string_view text) {
  PathSegment segment;
  if (const std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    segment.iteration = parse_number(text.substr(hash + 1));
    if (!segment.iteration) return std::nullopt;
    text = text.substr(0, hash);
  }
  if (const std::size_t open = text.find('['); open != std::string_view::npos) {
    if (text.back() != ']') return std::nullopt;
    segment.item = parse_number(text.substr(open + 1, text.size() - open - 2));
    if (!segment.item) return std::nullopt;
    text = text.substr(0, open);
  }
  segment.step = text;
  if (text.empty() || text.find(']') != std::string_view::npos) return std::nullopt;
  return segment;
}

}  // namespace

std::string format_path(const std::vector<PathSegment>& segments) {
  std::string text;
  for (const PathSegment& segment : segments) {
    if (!text.empty()) text += '/';
    text += segment.step;
    if (segment.item) text += fmt::format("[{}]", *segment.item);
    if (segment.iteration) text += fmt::format("#{}", *segment.iteration);
  }
  return text;
}

Result<std::vector<PathSegment>> parse_path(std::string_view text) {
  std::vector<PathSegment> segments;
  for (const std::string& part : split(text, '/')) {
    auto segment = parse_segment(part);
    if (!segment)
      return Error{ErrorCode::invalid_value,
                   fmt::format("\"{}\" is no step path", text),
                   "for example train, train[3] or search[2]/train",
                   {},
                   false};
    segments.push_back(std::move(*segment));
  }
  return segments;
}

std::string generic_path(std::string_view text) {
  std::string result;
  bool inside = false;
  for (const char c : text) {
    if (c == '[' || c == '#') inside = true;
    if (c == '/') inside = false;
    if (!inside) result += c;
  }
  return result;
}

}  // namespace stoker::pipeline
