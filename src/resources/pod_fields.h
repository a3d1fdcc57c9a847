// The types of a pod's fields, so that a document is read as Kubernetes' own clients read it: a label that is written
// as 1 is the text "1", and a port that is written as "8080" a number. Pure.
#pragma once

#include <span>
#include <string_view>

#include "codec/position.h"

namespace stoker::resources {

// Of the table that tools/pod-fields writes (pod_fields_table.cc has its format).
struct PodTypeRow {
  std::string_view name;
  std::string_view fields;
};
std::span<const PodTypeRow> pod_types();

// `type` is the name of a row: "Pod", "PodGroup". Fields that no row knows have the meaning of YAML's core schema.
codec::LocatedValue parse_kubernetes_yaml(std::string_view text, std::string_view type);

}  // namespace stoker::resources
