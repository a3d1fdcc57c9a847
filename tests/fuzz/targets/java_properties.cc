// What is read can be written, and read again as the same.
#include "fuzz.h"
#include "spark/java/properties.h"

using namespace stoker;

STOKER_FUZZ_TARGET(java_properties) {
  const auto read = spark::read_java_properties(data);
  if (!read) return;
  const auto again = spark::read_java_properties(spark::write_java_properties(*read));
  STOKER_FUZZ_CHECK(again.ok());
  STOKER_FUZZ_CHECK(again->size() == read->size());
  for (std::size_t i = 0; i < read->size(); ++i) {
    STOKER_FUZZ_CHECK((*again)[i].key == (*read)[i].key);
    STOKER_FUZZ_CHECK((*again)[i].value == (*read)[i].value);
  }
}
