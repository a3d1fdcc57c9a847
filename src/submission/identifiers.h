// What makes the names of a submission's objects its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "base/result.h"
#include "spark/submission_plan.h"

namespace stoker::submission {

// 64 random bits, each time others.
using RandomBits = std::function<std::uint64_t()>;

// As Spark forms them: an application id of 32 hex digits, and names that end in 6 random ones and the time.
spark::Identifiers draw_identifiers(const RandomBits& random, std::chrono::system_clock::time_point now);
// The same for the same key, but for the time of submission: who submits again under that key names the same objects.
spark::Identifiers identifiers_of_key(const std::string& key, std::chrono::system_clock::time_point now);

// A key of the user's as an id: a value of a label. Errors: usage.
Result<std::string> submission_id_of_key(const std::string& key);

}  // namespace stoker::submission
