// Cache keys: what a step's result depends on, in named parts, and the digest of them. Pure: digests of files come from
// the caller.
//
// A key says that the result of a step would be the same again. Too wide (a miss that was not needed) is allowed, too
// narrow is a defect. What is known only after the step ran (modules that it imported, files that it opened) is not in
// the key; it is stored beside the entry and checked on each hit (engine/step_cache.h).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "codec/json.h"
#include "pipeline/run/run_values.h"

namespace stoker::pipeline {

// Part of every key: raised when the same parts would mean something else.
inline constexpr int kCacheKeyVersion = 2;
// A value whose canonical text is longer stands in the parts by its digest.
inline constexpr std::size_t kMaximumPartText = 80;

struct CacheKey {
  std::string digest;  // sha256 hex
  // {"code": {name: digest}, "environment": {name: version}, "inputs": {name: text}, …}: what explain() compares.
  json::object parts;
};
// Why a step has no key, in words for people: "commands are cached only with cache: true".
struct Uncacheable {
  std::string why;
};
using CacheKeyOrNot = std::variant<CacheKey, Uncacheable>;

// The digest of a local file or directory, "sha256:…"; nothing: there is none to be had (a URI, a file that is
// missing).
using FileIdentity = std::function<std::optional<std::string>(const std::string& path)>;

// Facts of the machine that can change results: Java's major version, for example. Versions of Python and packages are
// in the step's own code.
CacheKeyOrNot make_cache_key(const ResolvedStep& step, const json::object& facts, const FileIdentity& identity);

// Paths of all {"$file": …} in the inputs that bring no digest along.
std::vector<std::string> files_of(const json::object& inputs);

// What differs, in words: "input trees: 10 -> 20; code helpers.clean changed". "" when nothing does.
std::string explain_difference(const json::object& old_parts, const json::object& new_parts);

}  // namespace stoker::pipeline
