#include "pipeline/source.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "codec/yaml.h"

namespace stoker::pipeline {

Source Source::parse(std::string file, std::string directory, std::string text) {
  Source source{std::move(file), std::move(directory), std::move(text), {}};
  const bool json_name = source.file.ends_with(".json");
  const bool yaml_name = source.file.ends_with(".yaml") || source.file.ends_with(".yml");
  if (json_name || (!yaml_name && trim(source.text).starts_with("{"))) {
    source.located = codec::parse_json_located(source.text);
    // {a: 1} is YAML too.
    if (!json_name && !source.located.complete) source.located = codec::parse_yaml(source.text);
  } else {
    source.located = codec::parse_yaml(source.text);
  }
  return source;
}

Source Source::of_value(std::string file, std::string directory, json::value value) {
  Source source{std::move(file), std::move(directory), {}, {}};
  source.located.value = std::move(value);
  return source;
}

codec::Mark Source::mark(std::string_view pointer, bool at_key) const {
  return at_key ? located.positions.key(located.value, pointer) : located.positions.value(located.value, pointer);
}

namespace {

std::string_view line_of(std::string_view text, std::uint32_t line) {
  for (; line > 1; --line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// The byte of a character's column (from 1), or npos.
std::size_t byte_of_column(std::string_view line, std::uint32_t column) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if ((static_cast<unsigned char>(line[i]) & 0xC0) != 0x80 && --column == 0) return i;
  }
  return std::string_view::npos;
}

}  // namespace

codec::Mark Source::mark_inside(std::string_view pointer, std::size_t offset) const {
  auto mark = this->mark(pointer, false);
  if (mark.line == 0) return mark;
  boost::system::error_code failure;
  const auto* value = located.value.find_pointer(pointer, failure);
  if (value == nullptr || !value->is_string()) return mark;
  const std::string_view whole = value->get_string();
  const auto before = whole.substr(0, offset);
  const auto row = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n'));
  const auto first = line_of(text, mark.line);
  const auto start = byte_of_column(first, mark.column);
  if (start == std::string_view::npos) return mark;
  // What the text has in this row up to the offset must stand as it is in the file: then its place is known.
  const auto in_row = before.substr(before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1);
  const auto whole_row =
      whole.substr(before.size() - in_row.size()).substr(0, whole.substr(before.size() - in_row.size()).find('\n'));
  const bool block = first[start] == '|';
  if (!block && row > 0) return mark;
  const auto line = block ? line_of(text, mark.line + 1 + row) : first;
  const auto from = block ? line.find(whole_row) : start + (first[start] == '"' || first[start] == '\'' ? 1 : 0);
  if (from == std::string_view::npos || line.substr(from, in_row.size()) != in_row) return mark;
  auto found = codec::mark_at(line, from + in_row.size());
  found.line = block ? mark.line + 1 + row : mark.line;
  return found;
}

void Reporter::add(const Source& source, const std::string& pointer, codec::Mark mark, std::string message,
                   std::string hint) {
  if (mark.line == 0 && !pointer.empty()) message += " (at " + pointer + ")";
  diagnostics_.add({source.file, mark, std::move(message), std::move(hint)});
}

void Reporter::at_key(const Source& source, const JsonPath& path, std::string message, std::string hint) {
  if (diagnostics_.full()) return diagnostics_.count_one_more();
  const auto pointer = path.pointer();
  add(source, pointer, source.mark(pointer, true), std::move(message), std::move(hint));
}

void Reporter::at_value(const Source& source, const JsonPath& path, std::string message, std::string hint) {
  if (diagnostics_.full()) return diagnostics_.count_one_more();
  const auto pointer = path.pointer();
  add(source, pointer, source.mark(pointer, false), std::move(message), std::move(hint));
}

void Reporter::inside(const Source& source, const JsonPath& path, std::size_t offset, std::string message,
                      std::string hint) {
  if (diagnostics_.full()) return diagnostics_.count_one_more();
  const auto pointer = path.pointer();
  add(source, pointer, source.mark_inside(pointer, offset), std::move(message), std::move(hint));
}

std::string Reporter::suggestion(std::string_view name, std::string_view if_none,
                                 const std::vector<std::string>& names) {
  constexpr std::size_t kListed = 12;
  if (names.empty()) return std::string(if_none);
  comparisons_left_ -= std::min(comparisons_left_, names.size());
  auto hint = did_you_mean(name, names);
  return hint.empty() && names.size() <= kListed ? "known: " + join(names, ", ") : hint;
}

void Reporter::text_problems(const Source& source) {
  for (const auto& problem : source.located.problems)
    add(source, "", problem.mark, problem.message, problem.hint);
}

}  // namespace stoker::pipeline
