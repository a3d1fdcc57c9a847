// What is read of core-site.xml has names, and no blanks around them.
#include "codec/hadoop_configuration.h"

#include "base/strings.h"
#include "fuzz.h"

using namespace stoker;

STOKER_FUZZ_TARGET(hadoop_configuration) {
  const auto read = codec::read_hadoop_configuration(data);
  if (!read) return;
  for (const auto& [name, value] : *read)
    STOKER_FUZZ_CHECK(!name.empty() && name == trim(name));
}
