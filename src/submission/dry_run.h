// A plan as a person or kubectl reads it.
#pragma once

#include "codec/json.h"
#include "spark/submission_plan.h"

namespace stoker::submission {

enum class Secrets { hide, show };

// A List of the objects in the order in which they are made: groups, dependants, driver. Hidden are the data of
// Secrets, and values of properties and environment variables whose names say that they are secret
// (spark.redaction.regex).
json::object list_of_objects(const spark::SubmissionPlan& plan, Secrets secrets);

}  // namespace stoker::submission
