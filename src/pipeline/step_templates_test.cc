#include "pipeline/step_templates.h"

#include <gtest/gtest.h>

#include "expression/json_scope.h"

namespace stoker::pipeline {
namespace {

const expression::JsonScope& scope() {
  static const expression::JsonScope kScope(json::value{{"parameters", {{"x", 2}, {"name", "n"}, {"list", {1, 2}}}}});
  return kScope;
}

std::shared_ptr<const Step> filled(const Step& step) {
  auto shared = std::make_shared<const Step>(step);
  return StepTemplates::parse(step)->body(shared, scope()).value();
}

TEST(StepTemplates, FillsCommands) {
  Step step;
  step.body = CommandStep{.run = {"make", "${{ parameters.x }}"},
                          .script = "echo ${{ parameters.name }} $${{ literal }}",
                          .working_directory = "${{ parameters.name }}",
                          .standard_input = "in ${{ parameters.x }}"};
  step.environment = {{"A", "${{ parameters.x }}"}};
  EXPECT_EQ(StepTemplates::parse(step)->references().size(), 5U);
  const auto result = filled(step);
  const auto& command = std::get<CommandStep>(result->body);
  EXPECT_EQ(command.run, (std::vector<std::string>{"make", "2"}));
  EXPECT_EQ(command.script, "echo n ${{ literal }}");
  EXPECT_EQ(command.working_directory, "n");
  EXPECT_EQ(command.standard_input, "in 2");
  EXPECT_EQ(result->environment.at("A"), "2");
}

TEST(StepTemplates, FillsWaitsAndManifests) {
  Step step;
  step.body = WaitStep{.duration = "${{ parameters.x }}s"};
  EXPECT_EQ(*std::get<WaitStep>(filled(step)->body).duration, "2s");
  step.body = SparkStep{.manifest = {{"spec", {{"n", "${{ parameters.x }}"}, {"args", {"${{ parameters.name }}"}}}}}};
  EXPECT_EQ(codec::write_json(std::get<SparkStep>(filled(step)->body).manifest), R"({"spec":{"n":2,"args":["n"]}})");
}

TEST(StepTemplates, SharesAStepThatHasNone) {
  Step step;
  step.body = CommandStep{.run = {"true"}};
  auto shared = std::make_shared<const Step>(step);
  EXPECT_EQ(StepTemplates::parse(step)->body(shared, scope()).value(), shared);
}

TEST(StepTemplates, NamesThePlaceOfAnError) {
  Step step;
  step.when = "${{ parameters.x }}";
  step.foreach = Foreach{.items = "${{ parameters.name }}"};
  const auto templates = StepTemplates::parse(step);
  EXPECT_EQ(templates->condition(scope()).error().describe(), "when gives int, not true or false");
  EXPECT_EQ(templates->items(scope()).error().describe(), "foreach gives string, not a list");
  step.foreach = Foreach{.items = "${{ parameters.list }}"};
  EXPECT_EQ(StepTemplates::parse(step)->items(scope())->size(), 2U);
}

}  // namespace
}  // namespace stoker::pipeline
