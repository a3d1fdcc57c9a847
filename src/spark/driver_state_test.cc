// What pods of drivers come to: tests/data/spark/driver-states.yaml.
#include "spark/driver_state.h"

#include <gtest/gtest.h>
#include <yaml_data.h>

#include "resources/object.h"

namespace stoker::spark {
namespace {

json::object shown(const DriverState& state) {
  json::object all;
  if (state.phase != DriverPhase::waiting) all["phase"] = driver_phase_name(state.phase);
  if (!state.node.empty()) all["node"] = state.node;
  if (state.exit_code) all["exit_code"] = *state.exit_code;
  if (!state.reason.empty()) all["reason"] = state.reason;
  if (!state.message.empty()) all["message"] = state.message;
  if (state.hopeless) all["hopeless"] = true;
  if (state.has_log) all["has_log"] = true;
  return all;
}

TEST(DriverState, ComesToWhatEachCaseSays) {
  for (const json::object& row : test_data::rows_of_file(STOKER_TEST_DATA "/spark/driver-states.yaml")) {
    const json::object& pod = row.at("pod").as_object();
    const DriverState state = row.contains("deleted") ? after_deletion(pod) : driver_state(pod);
    EXPECT_EQ(codec::canonical_json(shown(state)), codec::canonical_json(row.at("expect")))
        << resources::text_in(row, "name");
  }
}

}  // namespace
}  // namespace stoker::spark
