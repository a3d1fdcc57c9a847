#include "pipeline/json_path.h"

#include <fmt/format.h>

#include "codec/position.h"

namespace stoker::pipeline {

std::string JsonPath::pointer() const {
  if (parent == nullptr) return std::string(prefix);
  return parent->pointer() + "/" + (is_element() ? std::to_string(index) : codec::escape_pointer(key));
}

std::string JsonPath::subject() const {
  if (parent == nullptr) return "the document";
  if (is_element()) return fmt::format("{}[{}]", parent->subject(), index);
  if (named_by_key) return fmt::format("{}.{}", parent->subject(), key);
  return std::string(key);
}

std::string JsonPath::owner() const {
  for (const auto* at = this; at != nullptr; at = at->parent) {
    if (at->title.empty() || at->value == nullptr || !at->value->is_object()) continue;
    const auto* name = at->value->get_object().if_contains("name");
    if (name != nullptr && name->is_string())
      return fmt::format("{} \"{}\"", at->title, std::string_view(name->get_string()));
    if (at->named_by_key) return fmt::format("{} \"{}\"", at->title, at->key);
    if (at->parent != nullptr && at->is_element()) return fmt::format("{} {}", at->title, at->index + 1);
    return std::string(at->title);
  }
  return "the document";
}

}  // namespace stoker::pipeline
