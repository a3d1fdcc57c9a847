#include "spark/java/text.h"

#include <gtest/gtest.h>

namespace stoker::spark {
namespace {

// As JDK 17 answers.
TEST(JavaText, NumbersAreRead) {
  for (const auto& [text, number] : {std::pair("0.5", 0.5),
                                     {"+0.5", 0.5},
                                     {"-2", -2.0},
                                     {".5", 0.5},
                                     {"5.", 5.0},
                                     {"1e3", 1000.0},
                                     {"0.5f", 0.5},
                                     {"0.5D", 0.5}})
    EXPECT_EQ(java_number(text), number) << text;
  for (const char* text : {"", "f", "half", "+-1", "--1", "1 ", "1,5", "nan", "inf", "0x1p3", "1ff"})
    EXPECT_EQ(java_number(text), std::nullopt) << text;
  EXPECT_EQ(java_int("+5"), 5);
  EXPECT_EQ(java_int("+-5"), std::nullopt);
}

TEST(JavaText, NumbersAreWritten) {
  for (const auto& [number, text] : {std::pair(0.1, "0.1"),
                                     {0.0, "0.0"},
                                     {2.0, "2.0"},
                                     {0.001, "0.001"},
                                     {0.0001, "1.0E-4"},
                                     {0.00025, "2.5E-4"},
                                     {9999999.0, "9999999.0"},
                                     {1e7, "1.0E7"},
                                     {1.5e10, "1.5E10"},
                                     {-0.4, "-0.4"}})
    EXPECT_EQ(java_double(number), text);
}

}  // namespace
}  // namespace stoker::spark
