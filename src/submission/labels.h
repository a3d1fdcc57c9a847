// What marks the objects of a submission.
#pragma once

#include <string_view>

namespace stoker::submission {

// On every object: the id of the submission, drawn before the first write or said by --submission-id.
inline constexpr std::string_view kSubmissionLabel = "stoker.dev/submission";
// On the anchor until the driver's pod owns it: what is left when a submitter dies in between is found by this.
inline constexpr std::string_view kUnfinishedLabel = "stoker.dev/unfinished";
// On the anchor too: from then on the submission is not going on any more. RFC 3339.
inline constexpr std::string_view kCreationDeadline = "stoker.dev/creation-deadline";

// And which plan it is for: another command line under the same id has another. "" is none any more: it is being
// removed.
inline constexpr std::string_view kPlan = "stoker.dev/plan";
// On anchor and driver of a key of the user's, by which several may submit at once: which of them has made it.
inline constexpr std::string_view kAttempt = "stoker.dev/attempt";

}  // namespace stoker::submission
