// Sets of fields, as managedFields have them.
#pragma once

#include <compare>
#include <set>
#include <string>
#include <vector>

#include "codec/json.h"

namespace stoker::fakes {

// From the root: "f:data", "f:k"; an element of a list is `k:{"name":"main"}` or `v:"x"`.
using FieldPath = std::vector<std::string>;
using FieldSet = std::set<FieldPath>;

// The leaves of an object that can be owned: without apiVersion, kind and what the server fills in.
FieldSet fields_of(const json::object& object);
// The value there, or none.
const json::value* value_at(const json::object& object, const FieldPath& path);
// Removes it, and what is left empty above it.
void erase_at(json::object& object, const FieldPath& path);
// `.spec.containers[name="main"].image`.
std::string describe(const FieldPath& path);

json::object to_fields_v1(const FieldSet& set);
FieldSet from_fields_v1(const json::object& fields);

}  // namespace stoker::fakes
