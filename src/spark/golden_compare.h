// Compares the objects of a plan with those that the real spark-submit sent, value by value. For tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace stoker::spark::testing {

struct Difference {
  std::string pointer;  // JSON pointer into the object
  std::string theirs;   // as JSON; "" when it is absent
  std::string ours;
};

// What two submissions of the same thing may differ in is taken out of both first.
std::vector<Difference> compare_objects(const json::object& theirs, const json::object& ours);

// A text without what is drawn anew for each submission and stands in no other place of the record.
std::string without_drawn(std::string_view text);

// One line per difference.
std::string describe(const std::vector<Difference>& differences);

}  // namespace stoker::spark::testing
