// What submitters that died on the way have left in a namespace.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kube/client.h"

namespace stoker::submission {

struct Leftover {
  enum class Outcome { finished, removed };  // it has a driver, which owns it now; it had none
  Outcome outcome;
  std::string submission_id;
  std::string anchor;  // the name of its ConfigMap
};

std::string_view outcome_name(Leftover::Outcome outcome);  // "finished", "removed"

// Handles each unfinished submission whose creation deadline has passed: with a driver it is finished, without one
// removed with all that hangs on it. Safe beside other cleaners and submitters: an anchor is closed first, so that
// nobody joins it any more, and removals say which object they mean. Errors end it; what was done by then is done.
Result<std::vector<Leftover>> clean_up(const runtime::Context& context, const kube::Client& client,
                                       const std::string& namespace_name);

}  // namespace stoker::submission
