// Java's `.properties` format, as java.util.Properties of JDK 17 reads and writes it: spark-defaults.conf,
// --properties-file and the spark.properties of a driver's ConfigMap. Pure; texts are UTF-8, as Spark opens these
// files.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stoker::spark {

struct Property {
  std::string key;
  std::string value;
  int line = 0;  // where its logical line begins, from 1; 0 when it was not read
  friend bool operator==(const Property&, const Property&) = default;
};

// In the order of the file; of one key that stands twice the later counts. Errors: a \u that no four hex digits follow
// (invalid_value, with the line), as Java refuses the whole file then.
Result<std::vector<Property>> read_java_properties(std::string_view text);

// One line per property, in the order given, each with its line break: what Properties.store(Writer) writes after its
// comments. Texts beyond ASCII stand as they are, control characters too.
std::string write_java_properties(std::span<const Property> properties);

}  // namespace stoker::spark
