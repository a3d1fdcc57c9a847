// Ends what is left of attempts whose engine died.
#pragma once

#include <span>

#include "engine/runner.h"
#include "runtime/context.h"

namespace stoker::local {

// Kills, by force, the processes of these attempts that still live, and waits until they are gone. A process belongs to
// an attempt when its environment says so (STOKER_ATTEMPT_ID), or when it is in the session of the leader recorded in
// process.json, which a reused pid never is.
Result<void> end_lost_attempts(std::span<const engine::LostAttempt> attempts, const runtime::Context& context,
                               const Clock& clock);

}  // namespace stoker::local
