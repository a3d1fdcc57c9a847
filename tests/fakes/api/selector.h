// Label and field selectors, as queries have them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"
#include "kube/resource_type.h"

namespace stoker::fakes {

struct Requirement {
  enum class Kind { in, not_in, exists, missing };
  std::string key;
  Kind kind;
  std::vector<std::string> values;
};

class Selector {
 public:
  Selector() = default;
  // Throws a Refusal (400) for what an API server does not understand, in its words.
  Selector(const kube::ResourceType& type, std::string_view labels, std::string_view fields);

  bool matches(const json::object& object) const;

 private:
  std::vector<Requirement> labels_;
  std::vector<Requirement> fields_;
};

}  // namespace stoker::fakes
