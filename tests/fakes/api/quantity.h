// Amounts of resources: "1500m", "2Gi".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "codec/json.h"

namespace stoker::fakes {

struct Quantity {
  std::int64_t milli = 0;
  bool binary = false;  // said with Ki, Mi, Gi …

  // As an API server writes it: "1500m", "512Mi", "2".
  std::string text() const;
};

std::optional<Quantity> parse_quantity(const json::value& value);

}  // namespace stoker::fakes
