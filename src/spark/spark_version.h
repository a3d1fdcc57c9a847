// A version of Spark whose submission we know. Differences between versions are rows that name the release they begin
// with; a version that is not known is refused, never treated as another.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stoker::spark {

// In their order, so that "since 4.0" is `release >= Release::v4_0`.
enum class Release { v3_3, v3_4, v3_5, v4_0, v4_1, v4_2, v4_3 };

struct SparkVersion {
  Release release = Release::v4_3;
  std::string text;  // in full, as the label `spark-version` has it: 4.0.1

  friend bool operator==(const SparkVersion&, const SparkVersion&) = default;
};

// `4.0.1`, also with what a vendor appends (`4.0.1-amzn-0`). Errors: invalid_value when it is no version; unsupported,
// with what is known, when it is one of another release.
Result<SparkVersion> parse_spark_version(std::string_view text);

// The version that the tag of an image begins with (apache/spark:4.0.1-scala2.13-java17-ubuntu, spark:v3.5@sha256:…);
// none when it begins with none, or with one of an application. Errors: unsupported, when the image is called Spark
// and the tag is of a release that is not known.
Result<std::optional<SparkVersion>> version_of_image(std::string_view image);

// The newest that is known, for those who say nothing.
SparkVersion newest_spark_version();

}  // namespace stoker::spark
