// YAML to the JSON tree, with the place of every value. The meaning is YAML 1.2's core schema, so `yes`, `no` and `on`
// are texts; what YAML 1.1 and 1.2 read differently as numbers (010) is refused instead of guessed, as are duplicate
// keys, unknown tags, .inf and .nan. Anchors, aliases and the merge key `<<` work, within a budget. Docs:
// docs/reference/pipeline-document.md, "YAML".
#pragma once

#include <string_view>

#include "codec/position.h"

namespace stoker::codec {

inline constexpr std::size_t kMaximumYamlBytes = 64 << 20;
inline constexpr std::size_t kMaximumYamlDepth = 64;
// What aliases and anchors may copy in all, counted as kYamlNodeCost for each value and its text: a bound for "billion
// laughs".
inline constexpr std::size_t kMaximumYamlCopiedBytes = 32 << 20;
inline constexpr std::size_t kYamlNodeCost = 32;
// Problems that one parse collects (after a syntax error it ends at once).
inline constexpr std::size_t kMaximumTextProblems = 100;

enum class YamlScalars {
  core,        // numbers, truth values and nulls of the core schema
  as_written,  // all are texts, letter by letter, but plain nulls: for who knows the types himself
};

// Exactly one document; an empty one behind it is none.
LocatedValue parse_yaml(std::string_view text, YamlScalars scalars = YamlScalars::core);

// Strict JSON with positions; duplicate keys and integers beyond 64 bits are problems.
LocatedValue parse_json_located(std::string_view text);

}  // namespace stoker::codec
