#include "codec/position.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace stoker::codec {

namespace {

std::string unescape_pointer(std::string_view token) {
  std::string text;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      text += token[++i] == '1' ? '/' : '~';
    } else {
      text += token[i];
    }
  }
  return text;
}

// The index of the child that `token` names among the members or elements of `value`, or nothing.
std::size_t child_index(const json::value& value, const std::string& token) {
  if (const auto* object = value.if_object()) {
    const auto it = object->find(token);
    return it == object->end() ? std::string::npos : static_cast<std::size_t>(it - object->begin());
  }
  if (const auto* array = value.if_array()) {
    std::size_t index = 0;
    const auto [end, failure] = std::from_chars(token.data(), token.data() + token.size(), index);
    if (failure == std::errc() && end == token.data() + token.size() && index < array->size()) return index;
  }
  return std::string::npos;
}

}  // namespace

const Positions::Node* Positions::find(const json::value& root, std::string_view pointer) const {
  if (nodes_.empty()) return nullptr;
  const json::value* value = &root;
  std::size_t at = 0;
  while (!pointer.empty() && pointer.front() == '/') {
    pointer.remove_prefix(1);
    const auto end = std::min(pointer.find('/'), pointer.size());
    const auto token = unescape_pointer(pointer.substr(0, end));
    pointer.remove_prefix(end);
    const auto index = child_index(*value, token);
    if (index == std::string::npos) break;
    std::size_t child = at + 1;
    for (std::size_t i = 0; i < index && child < nodes_.size(); ++i)
      child += nodes_[child].size;
    if (child >= nodes_.size()) break;
    at = child;
    value = value->is_object() ? &(value->get_object().begin() + static_cast<std::ptrdiff_t>(index))->value()
                               : &value->get_array()[index];
  }
  return &nodes_[at];
}

Mark Positions::value(const json::value& root, std::string_view pointer) const {
  const auto* node = find(root, pointer);
  return node == nullptr ? Mark{} : node->value;
}

Mark Positions::key(const json::value& root, std::string_view pointer) const {
  const auto* node = find(root, pointer);
  if (node == nullptr) return {};
  return node->key.line != 0 ? node->key : node->value;
}

Mark mark_at(std::string_view text, std::size_t offset) {
  Mark mark{1, 1};
  const auto before = text.substr(0, offset);
  mark.line += static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n'));
  const auto newline = before.rfind('\n');
  for (const char c : newline == std::string_view::npos ? before : before.substr(newline + 1)) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++mark.column;
  }
  return mark;
}

std::string escape_pointer(std::string_view token) {
  std::string text;
  for (const char c : token) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

Error located_error(std::string_view name, Mark mark, std::string_view message, std::string hint) {
  return {.code = ErrorCode::invalid_document,
          .message = mark.line == 0 ? fmt::format("{}: {}", name, message)
                                    : fmt::format("{}:{}:{}: {}", name, mark.line, mark.column, message),
          .hint = std::move(hint)};
}

Error located_error(std::string_view name, const TextProblem& problem) {
  return located_error(name, problem.mark, problem.message, problem.hint);
}

}  // namespace stoker::codec
