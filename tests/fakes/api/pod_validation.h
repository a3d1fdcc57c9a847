// The checks of pods and services.
#pragma once

#include <string>

#include "codec/json.h"
#include "fakes/api/answer.h"

namespace stoker::fakes {

Causes label_1123_causes(const std::string& field, const std::string& name);
Causes pod_causes(const json::object& spec);
// Of whole pods.
Causes pod_update_causes(const json::object& before, const json::object& updated);
Causes service_causes(const json::object& spec);

}  // namespace stoker::fakes
