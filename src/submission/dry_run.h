// A plan as a person or kubectl reads it.
#pragma once

#include <string>

#include "codec/json.h"
#include "spark/submission_plan.h"

namespace stoker::submission {

enum class Secrets { hide, show };

// An address without the user and password in it.
std::string without_password(const std::string& text);

// A List of the objects in the order in which they are made: groups, dependants, driver. Hidden are the data of
// Secrets, files that travel in ConfigMaps, and values that are secret by their name or by what they say (Spark's
// default spark.redaction.regex, and a few words more): properties, environment variables, labels, annotations.
// Arguments of the application are shown.
json::object list_of_objects(const spark::SubmissionPlan& plan, Secrets secrets);

}  // namespace stoker::submission
