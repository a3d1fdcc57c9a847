// Writes a submission's objects to a cluster, in the order in which nothing ever waits for what is missing and nothing
// stays behind:
//
//   anchor (the driver's ConfigMap; marked unfinished, with a creation deadline)
//     ──▶ the other dependants, owned by the anchor  ──▶ driver pod  ──▶ anchor gets the pod as its owner, and is
//     finished
//
// So one patch makes the pod the owner of all, where a patch of each would be needed. A crash after any write leaves an
// unfinished anchor; leftovers.h finishes or removes what hangs on it. docs/adr/0009-owners-by-an-anchor.md says more.
//
// Each write is idempotent by (name, submission id): an object that is there and hangs on our anchor is taken for made.
// Whatever happens, an id has at most one driver in its namespace: the anchor's name comes from the id alone, and says
// for which plan it is. Who submits the same plan joins it; who submits another waits for that one's driver.
#pragma once

#include <chrono>
#include <string>

#include "codec/json.h"
#include "kube/client.h"
#include "spark/submission_plan.h"

namespace stoker::submission {

struct PlacementOptions {
  std::string submission_id;  // a valid value of a label
  bool may_be_there = false;  // somebody may submit under this id too, or may have: his driver counts
  std::string attempt;        // then: drawn anew for each call
  std::chrono::milliseconds time_to_write{60'000};               // for all writes together
  std::chrono::milliseconds time_to_creation_deadline{300'000};  // longer, for clocks that differ
  std::chrono::milliseconds time_to_clean_up{10'000};            // after a failure
  // Between looks for the driver of another submitter of the same id.
  std::chrono::milliseconds poll_delay{200};
};

struct Placement {
  json::object driver;  // as the server has it
  // It was there before, from an earlier submission of the same id.
  bool was_there = false;
  // The anchor could not be given its owner: a cleaner will do it. "" is all well.
  std::string warning;
};

// Errors: of the API, after which what was made has been removed; when that failed too, the hint says how to.
// already_exists when a name is taken by an object of somebody else; conflict when the driver of this id is being
// deleted, or another command line under this id is at work and its driver does not come.
Result<Placement> place(const runtime::Context& context, const kube::Client& client, const spark::SubmissionPlan& plan,
                        const PlacementOptions& options);

}  // namespace stoker::submission
