// Replays the corpus of every fuzz target, and what is one cut away from it.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "fuzz.h"

namespace stoker::fuzz {
namespace {

// Of each file, so many beginnings are run too: readers that trust a length or an end fail there.
constexpr std::size_t kCuts = 64;

class FuzzReplay : public testing::TestWithParam<Target> {};

TEST_P(FuzzReplay, Corpus) {
  const auto folder = std::filesystem::path(STOKER_FUZZ_CORPUS) / GetParam().name;
  ASSERT_TRUE(std::filesystem::is_directory(folder)) << "a fuzz target needs seeds in " << folder;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string data{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    SCOPED_TRACE(entry.path());
    const auto step = std::max<std::size_t>(1, data.size() / kCuts);
    for (std::size_t length = 0; length < data.size(); length += step)
      GetParam().run(std::string(data, 0, length));
    GetParam().run(data);
    ++files;
  }
  EXPECT_GT(files, 0U);
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzReplay, testing::ValuesIn(targets()),
                         [](const auto& target) { return target.param.name; });

}  // namespace
}  // namespace stoker::fuzz
