#include "expression/functions.h"

#include <algorithm>
#include <array>
#include <limits>

namespace stoker::expression {

namespace {

constexpr auto kAny = std::numeric_limits<std::size_t>::max();

// In the order of FunctionId.
constexpr std::array kFunctions{
    Function{FunctionId::size, "size", true, true, 1, 1, "size(string|list|map)"},
    Function{FunctionId::starts_with, "startsWith", false, true, 2, 2, "text.startsWith(prefix)"},
    Function{FunctionId::ends_with, "endsWith", false, true, 2, 2, "text.endsWith(suffix)"},
    Function{FunctionId::contains, "contains", false, true, 2, 2, "text.contains(part)"},
    Function{FunctionId::matches, "matches", true, true, 2, 2, "text.matches(pattern)"},
    Function{FunctionId::lower_ascii, "lowerAscii", false, true, 1, 1, "text.lowerAscii()"},
    Function{FunctionId::upper_ascii, "upperAscii", false, true, 1, 1, "text.upperAscii()"},
    Function{FunctionId::trim, "trim", false, true, 1, 1, "text.trim()"},
    Function{FunctionId::split, "split", false, true, 2, 2, "text.split(separator)"},
    Function{FunctionId::join, "join", false, true, 1, 2, "list.join(separator)"},
    Function{FunctionId::replace, "replace", false, true, 3, 3, "text.replace(old, new)"},
    Function{FunctionId::to_int, "int", true, false, 1, 1, "int(value)"},
    Function{FunctionId::to_double, "double", true, false, 1, 1, "double(value)"},
    Function{FunctionId::to_string, "string", true, false, 1, 1, "string(value)"},
    Function{FunctionId::to_bool, "bool", true, false, 1, 1, "bool(value)"},
    Function{FunctionId::min, "min", true, false, 1, kAny, "min(list) or min(a, b, …)"},
    Function{FunctionId::max, "max", true, false, 1, kAny, "max(list) or max(a, b, …)"},
    Function{FunctionId::sum, "sum", true, false, 1, 1, "sum(list)"},
    Function{FunctionId::range, "range", true, false, 1, 3, "range(end), range(start, end) or range(start, end, step)"},
    Function{FunctionId::one_of, "one_of", true, false, 1, kAny, "one_of(a, b, …)"},
};

}  // namespace

std::span<const Function> functions() {
  return kFunctions;
}

const Function& function(FunctionId id) {
  return kFunctions[static_cast<std::size_t>(id)];
}

const Function* find_function(std::string_view name) {
  const auto found =
      std::find_if(kFunctions.begin(), kFunctions.end(), [&](const auto& row) { return row.name == name; });
  return found == kFunctions.end() ? nullptr : &*found;
}

const std::vector<std::string>& function_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all{"has", "all", "exists", "exists_one", "map", "filter"};
    for (const auto& row : kFunctions)
      all.emplace_back(row.name);
    return all;
  }();
  return names;
}

}  // namespace stoker::expression
