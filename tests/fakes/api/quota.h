// Quotas of a namespace, as the admission of an API server holds them.
#pragma once

#include <string>

#include "codec/json.h"
#include "fakes/api/store.h"
#include "kube/resource_type.h"

namespace stoker::fakes {

// Throws a Refusal (403) when the new object needs more than a quota has left or does not say what it needs. A real
// server counts by what a controller wrote into the quota's status; here what is stored counts.
void check_quota(const Store& store, const kube::ResourceType& type, const json::object& object);
// Writes what is used into the status of the quotas of a namespace.
void note_usage(Store& store, const std::string& namespace_name);

}  // namespace stoker::fakes
