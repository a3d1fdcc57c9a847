// The documents that the benchmarks run: as text, so that reading them is what it is for a user.
#pragma once

#include <fmt/format.h>

#include <string>

namespace stoker::bench {

// `chains` chains side by side, `steps` in all: step s<i> needs s<i - chains>. Uncached, so that no step is hashed.
inline std::string listed_document(int steps, int chains) {
  std::string text = R"({"apiVersion":"stoker.dev/v1beta1","kind":"Pipeline","name":"listed","steps":[)";
  for (int i = 0; i < steps; ++i) {
    text += fmt::format(R"({}{{"name":"s{}","command":{{"run":["true"]}},"cache":false)", i == 0 ? "" : ",", i);
    if (i >= chains) text += fmt::format(R"(,"needs":["s{}"])", i - chains);
    text += "}";
  }
  return text + "]}";
}

// One step over a list of `items` numbers, which is a parameter's default; at most `parallelism` at once.
inline std::string foreach_document(int items, int parallelism) {
  std::string list = "0";
  for (int i = 1; i < items; ++i)
    list += fmt::format(",{}", i);
  return fmt::format(
      R"({{"apiVersion":"stoker.dev/v1beta1","kind":"Pipeline","name":"each","parameters":{{"items":{{"type":"list",)"
      R"("default":[{}]}}}},"steps":[{{"name":"s","command":{{"run":["true"]}},"cache":false,)"
      R"("inputs":{{"x":"${{{{ item }}}}"}},"foreach":{{"items":"${{{{ parameters.items }}}}","parallelism":{}}}}}]}})",
      list, parallelism);
}

}  // namespace stoker::bench
