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

// And the name of the driver that it is for: another command line under the same id has another.
inline constexpr std::string_view kDriverName = "stoker.dev/driver";

}  // namespace stoker::submission
