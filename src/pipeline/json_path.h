// JsonPath: where a walk over a JSON value is, as a list on the stack. Costs nothing until an error asks for its text.
#pragma once

#include <string>
#include <string_view>

#include "codec/json.h"

namespace stoker::pipeline {

struct JsonPath {
  const JsonPath* parent = nullptr;
  const json::value* value = nullptr;
  // An object's member has a key; an array's element has an index.
  std::string_view key;
  std::size_t index = 0;
  // What a person calls the value: "step", "parameter". Empty: nothing special.
  std::string_view title;
  // The key is a name that the user chose (parameters: {trees: …}), not a keyword of the format.
  bool named_by_key = false;
  // Of a root: the pointer of its value in the file.
  std::string_view prefix;

  JsonPath member(std::string_view name, const json::value& of_member) const {
    return {this, &of_member, name, 0, {}, false, {}};
  }
  JsonPath element(std::size_t at, const json::value& of_element) const {
    return {this, &of_element, {}, at, {}, false, {}};
  }

  bool is_element() const { return parent != nullptr && parent->value->is_array(); }
  // RFC 6901: /steps/2/retry.
  std::string pointer() const;
  // What a message calls this value: `retry`, `needs[2]`.
  std::string subject() const;
  // The nearest thing around it that has a title: `step "train"`, `parameter "trees"`, `pipeline`.
  std::string owner() const;
};

}  // namespace stoker::pipeline
