// A pod template of the user: YAML or JSON, one document, a Pod. What Spark and we write into is checked to have its
// shape; everything else is kept as it stands.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"

namespace stoker::spark {

inline constexpr std::size_t kMaximumTemplateBytes = 4 << 20;

struct PodTemplate {
  json::object pod;        // without the container below
  json::object container;  // Spark's: the one of that name, else the first; empty when there is none
  std::string warning;     // "" or that no container has the name
};

// `path` is for messages. Errors: invalid_document with line and column.
Result<PodTemplate> read_pod_template(std::string_view path, std::string_view text,
                                      const std::optional<std::string>& container_name);

}  // namespace stoker::spark
