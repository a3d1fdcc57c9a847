// What scenarios cannot say (tests/scenarios has the behaviour): what the machine's answers cost.
#include "pipeline/run/run_machine.h"

#include <gtest/gtest.h>

#include "pipeline/run/run_plan.h"
#include "pipeline/test_documents.h"

namespace stoker::pipeline::testing {
namespace {

// A list of 100,000 items to go through is a parameter; each transaction has the run's row.
TEST(RunMachine, RowsOfTheRunShareItsParameters) {
  const auto plan = make_run_plan(document_of({{"steps", {{{"name", "a"}}}}})).value();
  RunRow row{.run = RunId("r")};
  row.parameters = std::make_shared<const json::object>(json::object{{"items", {1, 2, 3}}});
  RunMachine machine(plan, {}, row);
  machine.apply(input::Start{}, Moment{});
  const Changes first = machine.take_changes();
  machine.apply(input::CancelRequested{}, Moment{});
  const Changes second = machine.take_changes();
  ASSERT_TRUE(first.run && second.run);
  EXPECT_EQ(first.run->parameters, row.parameters);
  EXPECT_EQ(second.run->parameters, row.parameters);
}

}  // namespace
}  // namespace stoker::pipeline::testing
