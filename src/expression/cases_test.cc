// Runs tests/data/expressions/*.txt: one case a line, "expression => expected". See the README there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/strings.h"
#include "expression/json_scope.h"
#include "expression/syntax/ast.h"
#include "expression/syntax/printer.h"
#include "expression/template.h"

namespace stoker::expression {
namespace {

namespace fs = std::filesystem;

// What a case gives: a value as canonical JSON, or "! code: description; hint".
std::string outcome(std::string_view text, bool is_template, const Scope& scope) {
  const auto failed = [](const Error& error) {
    return fmt::format("! {}: {}; {}", error_code_name(error.code), error.describe(), error.hint);
  };
  if (is_template) {
    const auto parsed = Template::parse(text);
    if (!parsed) return failed(parsed.error());
    const auto value = parsed->evaluate(scope);
    return value ? codec::canonical_json(*value) : failed(value.error());
  }
  const auto parsed = Expression::parse(text);
  if (!parsed) return failed(parsed.error());
  // Every expression of the files also proves the printer.
  const auto again = Expression::parse(print(parsed->root()));
  if (!again || !same_tree(parsed->root(), again->root())) return "printed as " + print(parsed->root());
  const auto value = parsed->evaluate(scope);
  return value ? codec::canonical_json(*value) : failed(value.error());
}

bool as_expected(const std::string& got, std::string_view expected) {
  if (!expected.starts_with('!')) {
    const auto value = codec::parse_json(expected);
    return value.ok() && codec::canonical_json(*value) == got;
  }
  if (!got.starts_with('!')) return false;
  for (const auto& words : split(expected.substr(1), '|')) {
    if (got.find(trim(words)) == std::string::npos) return false;
  }
  return true;
}

std::size_t run_file(const fs::path& path) {
  std::ifstream file(path);
  const bool is_template = path.stem() == "templates";
  JsonScope scope(json::object{});
  std::size_t cases = 0;
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (trim(line).empty() || line.starts_with("# ")) continue;
    const auto where = fmt::format("{}:{}", path.filename().string(), number);
    if (line.starts_with("scope ")) {
      const auto value = codec::parse_json(std::string_view(line).substr(6));
      EXPECT_TRUE(value.ok()) << where << ": " << (value ? "" : value.error().message);
      if (value) scope = JsonScope(*value);
      continue;
    }
    const auto arrow = line.rfind(" => ");
    EXPECT_NE(arrow, std::string::npos) << where;
    if (arrow == std::string::npos) continue;
    // \n in a template is a line break of the document.
    auto text = line.substr(0, arrow);
    if (is_template) {
      for (auto at = text.find("\\n"); at != std::string::npos; at = text.find("\\n"))
        text.replace(at, 2, "\n");
    }
    const auto expected = trim(std::string_view(line).substr(arrow + 4));
    const auto got = outcome(text, is_template, scope);
    EXPECT_TRUE(as_expected(got, expected))
        << where << ": " << text << "\n  expected " << expected << "\n  got      " << got;
    ++cases;
  }
  return cases;
}

TEST(Cases, AllFiles) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(STOKER_TEST_DATA) / "expressions")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::size_t cases = 0;
  for (const auto& path : files)
    cases += run_file(path);
  EXPECT_GE(cases, 250U);
}

}  // namespace
}  // namespace stoker::expression
