// What we rely on of an API server, against the fake and against a real one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>

#include "contract/rows.h"
#include "contract/server.h"

namespace stoker::contract {
namespace {

struct Case {
  bool real;
  const Row* row;
  friend void PrintTo(const Case& each, std::ostream* out) { *out << each.row->name; }
};

class ApiContract : public testing::TestWithParam<Case> {};

TEST_P(ApiContract, Row) {
  const auto server = GetParam().real ? make_real() : make_fake();
  EXPECT_EQ(run(*server, *GetParam().row), "");
}

std::vector<Case> cases(bool real) {
  std::vector<Case> all;
  if (real && !has_real()) return all;
  for (const Row& row : rows())
    all.push_back({.real = real, .row = &row});
  return all;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.row->name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Fake, ApiContract, testing::ValuesIn(cases(false)), name_of);
INSTANTIATE_TEST_SUITE_P(Real, ApiContract, testing::ValuesIn(cases(true)), name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ApiContract);

}  // namespace
}  // namespace stoker::contract
