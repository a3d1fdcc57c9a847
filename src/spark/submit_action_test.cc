#include <gtest/gtest.h>

#include "spark/submit_request.h"

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

}  // namespace
}  // namespace stoker::spark
