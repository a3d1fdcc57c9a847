// What is parsed can be written, in each form, and read again as the same value.
#include "codec/json.h"

#include "codec/yaml.h"
#include "fuzz.h"

using namespace stoker;

STOKER_FUZZ_TARGET(json) {
  const auto value = codec::parse_json(data);
  (void)codec::parse_json_located(data);
  if (!value) return;
  const auto canonical = codec::canonical_json(*value);
  const auto again = codec::parse_json(canonical);
  STOKER_FUZZ_CHECK(again.ok());
  STOKER_FUZZ_CHECK(codec::canonical_json(*again) == canonical);
  STOKER_FUZZ_CHECK(codec::parse_json(codec::write_json(*value)).ok());
  STOKER_FUZZ_CHECK(codec::parse_json(codec::write_json_pretty(*value)).ok());
}
