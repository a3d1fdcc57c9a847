#include <filesystem>
#include <fstream>
#include <iterator>

#include "spark/test_support.h"

namespace stoker::spark::testing {

namespace {

// {"repeat": "x", "times": 3} is "xxx".
json::value unfolded(const json::value& value) {
  if (value.is_array()) {
    json::array list;
    for (const json::value& element : value.get_array())
      list.push_back(unfolded(element));
    return list;
  }
  if (!value.is_object()) return value;
  const json::object& object = value.get_object();
  if (const json::value* times = object.if_contains("times"); times != nullptr && object.contains("repeat")) {
    std::string text;
    for (auto left = times->to_number<std::int64_t>(); left > 0; --left)
      text += std::string_view(object.at("repeat").as_string());
    return json::value(text);
  }
  json::object copy;
  for (const auto& member : object)
    copy[member.key()] = unfolded(member.value());
  return copy;
}

GoldenFile read_goldens(const std::filesystem::path& path) {
  GoldenFile golden{path.stem().string(), {}};
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    golden.cases.push_back(unfolded(codec::parse_json(line).value()).as_object());
  return golden;
}

}  // namespace

json::value recorded(const std::string& name) {
  std::ifstream file(STOKER_TEST_DATA "/spark/" + name);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return codec::parse_json(text).value();
}

// <version>.jsonl each.
std::vector<GoldenFile> golden_files() {
  std::vector<GoldenFile> files;
  for (const auto& entry : std::filesystem::directory_iterator(STOKER_TEST_DATA "/spark/goldens"))
    files.push_back(read_goldens(entry.path()));
  return files;
}

}  // namespace stoker::spark::testing
