// What an API server refuses to store: the checks that our objects can break, in its words.
#pragma once

#include <string>

#include "codec/json.h"
#include "fakes/api/answer.h"
#include "kube/resource_type.h"

namespace stoker::fakes {

// `field: message` of the first problem alone is what selectors use.
Causes label_key_causes(const std::string& field, const std::string& key);
Causes label_value_causes(const std::string& field, const std::string& value);

// Every problem of an object that is to be created or to replace another one.
Causes object_causes(const kube::ResourceType& type, const json::object& object);
// What `updated` changes and may not.
Causes update_causes(const kube::ResourceType& type, const json::object& before, const json::object& updated);

}  // namespace stoker::fakes
