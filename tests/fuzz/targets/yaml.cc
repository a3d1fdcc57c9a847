// Any bytes as YAML: problems, or a value that JSON can say and that has a position for each part.
#include "codec/yaml.h"

#include "codec/json.h"
#include "fuzz.h"

namespace {

using namespace stoker;

std::size_t count(const json::value& value) {
  std::size_t values = 1;
  if (const auto* list = value.if_array()) {
    for (const auto& item : *list)
      values += count(item);
  } else if (const auto* map = value.if_object()) {
    for (const auto& member : *map)
      values += count(member.value());
  }
  return values;
}

}  // namespace

STOKER_FUZZ_TARGET(yaml) {
  const auto parsed = codec::parse_yaml(data);
  if (!parsed.problems.empty()) return;
  STOKER_FUZZ_CHECK(parsed.positions.nodes().size() == count(parsed.value));
  STOKER_FUZZ_CHECK(codec::parse_json(codec::canonical_json(parsed.value)).ok());
}
