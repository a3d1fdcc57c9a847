// A plan as a person or kubectl reads it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codec/json.h"
#include "spark/submission_plan.h"

namespace stoker::submission {

enum class Secrets { hide, show };

// A List of the objects in the order in which they are made: groups, dependants, driver. Hidden are the data of
// Secrets, files that travel in ConfigMaps, and values that are secret by their name or by what they say (Spark's
// default spark.redaction.regex, a few words more, and what `redaction_regex`, the user's own, finds): properties,
// environment variables, labels, annotations, and of the application's arguments `--NAME VALUE` and `NAME=VALUE`.
json::object list_of_objects(const spark::SubmissionPlan& plan, Secrets secrets,
                             const std::optional<std::string>& redaction_regex = {});

// Each property as "key=value", hidden likewise.
std::vector<std::string> list_of_properties(const spark::Configuration& configuration, Secrets secrets);

}  // namespace stoker::submission
