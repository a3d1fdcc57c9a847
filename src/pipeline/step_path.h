// Paths of step instances: `train`, `train[3]`, `tune#2`, `train[3]#2`, `search[2]/train`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace stoker::pipeline {

struct PathSegment {
  std::string step;
  std::optional<std::int64_t> item;       // from 0
  std::optional<std::int64_t> iteration;  // from 1

  friend bool operator==(const PathSegment&, const PathSegment&) = default;
};

std::string format_path(const std::vector<PathSegment>& segments);
Result<std::vector<PathSegment>> parse_path(std::string_view text);

// The same place in every foreach, repeat and run: `search/train` for `search[2]/train#3`. What cache entries of a step
// are compared by.
std::string generic_path(std::string_view text);

}  // namespace stoker::pipeline
