// Which lists of our objects are maps in disguise: their elements have a key, and patches merge them by it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace stoker::fakes {

// How a list is merged. With neither keys nor `set` it is replaced as a whole.
struct ListKind {
  std::vector<std::string_view> keys;  // the first is the merge key of strategic patches, all are that of apply
  bool set = false;                    // of plain values
  bool whole_elements = false;         // an element belongs to one manager as a whole
};

// By the name of the member that the list is, and that of the object that it is in ("containers", "spec").
ListKind list_kind(std::string_view member, std::string_view parent);
// Maps that apply takes as one value.
bool is_atomic_map(std::string_view member);

// Do both elements have the same values of the keys?
bool same_keys(const ListKind& kind, const json::value& a, const json::value& b);

}  // namespace stoker::fakes
