// The patches of RFC 6902 and RFC 7386, and the strategic merge patch of Kubernetes.
#pragma once

#include "codec/json.h"

namespace stoker::fakes {

// All three throw a Refusal for a patch that is none, or does not fit.
void apply_json_patch(json::value& target, const json::value& patch);
void apply_merge_patch(json::value& target, const json::value& patch);
// Lists by list_kind(): new elements come first, as they do at a real server. Knows `$patch: delete` and `replace`, and
// `$deleteFromPrimitiveList/…`.
void apply_strategic_patch(json::object& target, const json::object& patch, std::string_view parent = {});

}  // namespace stoker::fakes
