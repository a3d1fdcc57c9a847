#include "pipeline/document.h"

#include <gtest/gtest.h>

namespace stoker::pipeline {
namespace {

TEST(Document, FailureClassNamesGoThereAndBack) {
  for (int i = 0; i < kFailureClassCount; ++i) {
    const auto failure_class = static_cast<FailureClass>(i);
    EXPECT_EQ(parse_failure_class(failure_class_name(failure_class)), failure_class);
  }
  EXPECT_EQ(failure_class_name(FailureClass::out_of_memory), "outOfMemory");
  EXPECT_EQ(failure_class_name(FailureClass::infrastructure), "infrastructure");
  EXPECT_FALSE(parse_failure_class("OutOfMemory").has_value());
}

TEST(Document, ParameterTypeNamesGoThereAndBack) {
  for (int i = 0; i < kParameterTypeCount; ++i) {
    const auto type = static_cast<ParameterType>(i);
    EXPECT_EQ(parse_parameter_type(parameter_type_name(type)), type);
  }
  EXPECT_EQ(parameter_type_name(ParameterType::enumeration), "enum");
}

}  // namespace
}  // namespace stoker::pipeline
