// What an API server makes of an object before it stores it: no nulls, defaults, secrets in base64.
#pragma once

#include "codec/json.h"
#include "kube/resource_type.h"

namespace stoker::fakes {

// Checks the types of the maps that are often wrong (throws a Refusal, 400), and removes nulls and empty members.
void clean(const kube::ResourceType& type, json::object& object);
// Idempotent: for new objects and for changed ones.
void set_defaults(const kube::ResourceType& type, json::object& object);
// What a new object begins with whatever its maker said: status, finalizers, generation.
void begin_life(const kube::ResourceType& type, json::object& object);
bool has_generation(const kube::ResourceType& type);

}  // namespace stoker::fakes
