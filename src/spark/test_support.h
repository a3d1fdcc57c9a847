// What a JDK or a Spark answered, from tests/data/spark.
#pragma once

#include <string>
#include <vector>

#include "codec/json.h"

namespace stoker::spark::testing {

json::value recorded(const std::string& name);

// What the real spark-submit of one version did, case by case (tests/data/spark/import_goldens.py says what is in one).
struct GoldenFile {
  std::string version;
  std::vector<json::object> cases;
};

std::vector<GoldenFile> golden_files();

}  // namespace stoker::spark::testing
