// Data of tests: YAML that must be right.
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "codec/yaml.h"

namespace stoker::test_data {

inline json::value yaml_of_file(const std::string& path) {
  std::ifstream file(path);
  const codec::LocatedValue read = codec::parse_yaml(std::string{std::istreambuf_iterator<char>(file), {}});
  if (!read.problems.empty()) throw std::runtime_error(codec::located_error(path, read.problems.front()).message);
  return read.value;
}

// A list of objects, of which there is one at least.
inline std::vector<json::object> rows_of_file(const std::string& path) {
  std::vector<json::object> rows;
  const json::value read = yaml_of_file(path);
  for (const json::value& row : read.as_array())
    rows.push_back(row.as_object());
  if (rows.empty()) throw std::runtime_error(path + " has no rows");
  return rows;
}

}  // namespace stoker::test_data
