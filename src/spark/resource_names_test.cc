#include "spark/resource_names.h"

#include <gtest/gtest.h>

#include "spark/test_support.h"

namespace stoker::spark {
namespace {

constexpr std::string_view kUnique = "c0ffeea1fa4f4569";

TEST(ResourceNames, AreSparks) {
  const json::value rows = testing::recorded("resource-names.json");
  ASSERT_GT(rows.as_array().size(), 150U);
  for (const json::value& row : rows.as_array()) {
    const std::string name(row.at("name").as_string());
    EXPECT_EQ(app_name_label(name), std::string(row.at("label").as_string())) << name;
    EXPECT_EQ(resource_name_prefix(name, kUnique), std::string(row.at("stem").as_string()) + std::string(kUnique))
        << name;
  }
}

TEST(ResourceNames, ADigitAtTheFrontBecomesX) {
  EXPECT_EQ(resource_name_prefix("日本語", "7d6443a1fa4f0da8"), "xd6443a1fa4f0da8");
  EXPECT_EQ(resource_name_prefix("2026 report", "853a3aa1fa4f6125"), "x026-report-853a3aa1fa4f6125");
}

TEST(ResourceNames, OfADriver) {
  EXPECT_EQ(driver_pod_name("main-py-129e9ea1fa7a05e3"), "main-py-129e9ea1fa7a05e3-driver");
  EXPECT_EQ(driver_service_name("main-py-129e9ea1fa7a05e3", "ac58"), "main-py-129e9ea1fa7a05e3-driver-svc");
  EXPECT_EQ(driver_service_name(std::string(52, 'a'), "ac58"), std::string(52, 'a') + "-driver-svc");
  EXPECT_EQ(driver_service_name(std::string(53, 'a'), "ac58"), "spark-ac58-driver-svc");
}

}  // namespace
}  // namespace stoker::spark
