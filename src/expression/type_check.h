// Type errors that are certain before anything runs: "a" + 1, !3, a list where a bool is needed. Modest on purpose:
// what is not known is `any`, which fits everywhere, so whatever is reported here would also fail (or could never be
// right) at run time.
#pragma once

#include <string_view>
#include <vector>

#include "expression/template.h"

namespace stoker::expression {

// number: int or double, not known which. opaque: an artifact, file or secret.
enum class Type { any, null, boolean, integer, floating, number, string, list, map, opaque };

std::string_view type_name(Type type);
// Of a parameter or a declared output: string, integer, number, boolean, list, map, secret; any for all other names (an
// enum may have values of several types, a file may be given as a URI).
Type type_named(std::string_view declared);
// Whether a value of type `got` may be right where `wanted` is needed.
bool may_be(Type got, Type wanted);

// What is known about references. Not asked for index, iteration, run and step states.
class TypeScope {
 public:
  virtual ~TypeScope() = default;
  virtual Type type_of(const Reference& reference) const = 0;
};

// The type of the result. Problems are appended; their offsets count as those of references do.
Type check_types(const Expression& expression, const TypeScope& scope, std::vector<Problem>& problems);
Type check_types(const Template& text, const TypeScope& scope, std::vector<Problem>& problems);

}  // namespace stoker::expression
