#include <gtest/gtest.h>

#include "spark/submit_request.h"
#include "spark/test_surroundings.h"

namespace stoker::spark {
namespace {

TEST(DriverPattern, IsANameOrABeginning) {
  const auto one = parse_driver_pattern("ml:pi-driver").value();
  EXPECT_EQ(one.namespace_name, "ml");
  EXPECT_TRUE(one.matches("pi-driver"));
  EXPECT_FALSE(one.matches("pi-driver-2"));
  const auto some = parse_driver_pattern("pi*").value();
  EXPECT_EQ(some.namespace_name, std::nullopt);
  EXPECT_TRUE(some.matches("pi-driver"));
  EXPECT_FALSE(some.matches("a-pi"));
  EXPECT_TRUE(parse_driver_pattern("ml:*").value().matches("anything"));
}

TEST(DriverPattern, RefusesWhatIsNone) {
  for (const char* id : {"", ":", "ml:", ":pi", "a:b:c", "p*i", "m*:pi", "ml/pi"})
    EXPECT_FALSE(parse_driver_pattern(id).ok()) << id;
}

// Only a submission is for the one or the other.
TEST(ActionConfiguration, TakesNoNoticeOfAServerOfSparkConnect) {
  testing::MemorySurroundings machine;
  machine.variables["SPARK_REMOTE"] = "sc://h";
  const std::vector<std::string> words = {"--master", "k8s://h:1", "--kill", "ml:pi"};
  const auto arguments = parse_submit_arguments(words).value();
  const auto configuration = resolve_action_configuration(arguments, newest_spark_version(), machine);
  ASSERT_TRUE(configuration.ok()) << configuration.error().describe();
  EXPECT_EQ(configuration->raw("spark.master"), "k8s://https://h:1");
}

}  // namespace
}  // namespace stoker::spark
