// Who owns which field of an object: metadata.managedFields, and server-side apply by them.
#pragma once

#include <string>

#include "codec/json.h"
#include "kube/resource_type.h"

namespace stoker::fakes {

struct Manager {
  std::string name;
  std::string api_version;
  std::string subresource;
  std::string time;  // RFC 3339
};

// `updated` gets the managedFields of `before` (none for a new object) with what changed owned by the manager.
void note_update(const Manager& manager, const json::object* before, json::object& updated);

// `applied` over the live object (none: it is new). Throws a Refusal (409) for what others own, unless `force`.
json::object apply(const Manager& manager, const json::object* live, const json::object& applied, bool force);

}  // namespace stoker::fakes
