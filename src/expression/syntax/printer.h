// Trees back to text: parse(print(tree)) is the same tree.
#pragma once

#include <string>
#include <string_view>

namespace stoker::expression {

struct Node;

std::string print(const Node& node);
// A string literal with the escapes that it needs.
std::string quote(std::string_view text);
// Usable after a dot.
bool is_identifier(std::string_view name);
bool is_keyword(std::string_view name);

}  // namespace stoker::expression
