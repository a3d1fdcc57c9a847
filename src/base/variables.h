// Environment variables as a value: those of this process come in from `app/`, a test makes its own.
#pragma once

#include <initializer_list>
#include <map>
#include <string>

namespace stoker {

using Variables = std::map<std::string, std::string>;

// "" for one that is not set.
inline std::string variable(const Variables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string() : found->second;
}

// The first of these that is set and not empty, else "".
inline std::string first_variable(const Variables& variables, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (std::string value = variable(variables, name); !value.empty()) return value;
  return "";
}

}  // namespace stoker
