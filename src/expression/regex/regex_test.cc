#include "expression/regex/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <regex>

namespace stoker::expression {
namespace {

using testing::ElementsAre;
using testing::Optional;

Regex::Groups groups(std::string_view pattern, std::string_view text) {
  const auto found = Regex::compile(pattern).value().search(text);
  return found ? *found : Regex::Groups{};
}

TEST(Regex, FindsTheGroupsOfTheFirstMatch) {
  EXPECT_THAT(groups("Pi is roughly ([0-9.]+)", "INFO Pi is roughly 3.1415 now"),
              ElementsAre(Optional(std::string_view("Pi is roughly 3.1415")), Optional(std::string_view("3.1415"))));
  EXPECT_THAT(groups("(a)|(b)", "xb"),
              ElementsAre(Optional(std::string_view("b")), testing::Eq(std::nullopt), Optional(std::string_view("b"))));
  EXPECT_THAT(groups("(?P<year>\\d+)-(?<month>\\d+)", "2024-05"),
              ElementsAre(Optional(std::string_view("2024-05")), Optional(std::string_view("2024")),
                          Optional(std::string_view("05"))));
  EXPECT_THAT(groups("a", "b"), ElementsAre());
  EXPECT_EQ(Regex::compile("(a)(?:b)(c)")->group_count(), 2U);
}

TEST(Regex, GreedyAndLazy) {
  EXPECT_THAT(groups("<(.*)>", "<a><b>")[1], Optional(std::string_view("a><b")));
  EXPECT_THAT(groups("<(.*?)>", "<a><b>")[1], Optional(std::string_view("a")));
  EXPECT_THAT(groups("a{2,3}", "aaaa")[0], Optional(std::string_view("aaa")));
  EXPECT_THAT(groups("a{2,3}?", "aaaa")[0], Optional(std::string_view("aa")));
  EXPECT_THAT(groups("a{2,}", "aaaa")[0], Optional(std::string_view("aaaa")));
  EXPECT_THAT(groups("a{,2}", "a{,2}")[0], Optional(std::string_view("a{,2}")));
  EXPECT_THAT(groups("ab|a", "ab")[0], Optional(std::string_view("ab")));
  EXPECT_THAT(groups("a|ab", "ab")[0], Optional(std::string_view("a")));
}

TEST(Regex, ClassesAnchorsAndFlags) {
  EXPECT_TRUE(Regex::compile("^[\\w.-]+@[^@\\s]+$")->found_in("a.b-c@example.org"));
  EXPECT_FALSE(Regex::compile("^[\\w.-]+@[^@\\s]+$")->found_in("a@b@c"));
  EXPECT_TRUE(Regex::compile("[]a]")->found_in("]"));
  EXPECT_TRUE(Regex::compile("[a-]")->found_in("-"));
  EXPECT_TRUE(Regex::compile("[ä-ü]")->found_in("ö"));
  EXPECT_FALSE(Regex::compile("^.$")->found_in("\n"));
  EXPECT_TRUE(Regex::compile("(?s)^.$")->found_in("\n"));
  EXPECT_TRUE(Regex::compile("(?m)^b$")->found_in("a\nb\nc"));
  EXPECT_TRUE(Regex::compile("(?i)^straße$")->found_in("STRAßE"));
  EXPECT_TRUE(Regex::compile("\\x41\\n\\t\\.")->found_in("A\n\t."));
  EXPECT_TRUE(Regex::compile("^.$")->found_in("\xff")) << "a byte that is no UTF-8 is one character";
}

TEST(Regex, NoPatternTakesMoreThanLinearTime) {
  const std::string text(2'000, 'a');
  for (const auto* pattern : {"(a+)+$b", "(a|a)*b", "(a*)*b", "(a|aa)+b", "(.*)(.*)(.*)b", "((a?){20}){20}b"}) {
    EXPECT_FALSE(Regex::compile(pattern)->found_in(text)) << pattern;
  }
}

TEST(Regex, ErrorsSayWhere) {
  EXPECT_THAT(Regex::compile("ab(c").error().message, testing::HasSubstr("has a ( without its ) (at character 5)"));
  for (const auto* pattern : {"*", "a**", ")", "[a", "(?<n", "(?#x)", "\\", "\\q", "\\1", "(?=a)", "(?<!a)", "a{2,1}",
                              "a{9999}", "[[:alpha:]]", "\xff"}) {
    EXPECT_FALSE(Regex::compile(pattern).ok()) << pattern;
  }
  EXPECT_FALSE(Regex::compile(std::string(5000, 'a')).ok());
  EXPECT_FALSE(Regex::compile(std::string(200, '(') + std::string(200, ')')).ok());
}

// Patterns of a small alphabet, against the standard library's (slow, but right) engine.
RC_GTEST_PROP(Regex, AgreesWithTheStandardLibrary,
              (const std::vector<std::uint8_t>& choices, const std::vector<bool>& letters)) {
  static const char* const kPieces[] = {"a", "b",    "(a)",  "(b|a)", "a*", "b+?",   "(ab)?",
                                        "|", "[ab]", "[^a]", "^",     "$",  "(a*b)", "a{1,2}"};
  std::string pattern;
  for (std::size_t i = 0; i < std::min<std::size_t>(choices.size(), 8); ++i)
    pattern += kPieces[choices[i] % std::size(kPieces)];
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(letters.size(), 12); ++i)
    text += letters[i] ? 'a' : 'b';
  std::regex standard;
  standard.assign(pattern, std::regex::ECMAScript);
  std::smatch expected;
  const bool found = std::regex_search(text, expected, standard);
  const auto regex = Regex::compile(pattern);
  RC_ASSERT(regex.ok());
  const auto got = regex->search(text);
  RC_LOG() << pattern << " in " << text;
  RC_ASSERT(got.has_value() == found);
  RC_ASSERT(regex->found_in(text) == found);
  if (found) {
    RC_ASSERT((*got)[0] == expected[0].str());
    RC_ASSERT((*got)[0]->data() - text.data() == expected.position(0));
  }
}

}  // namespace
}  // namespace stoker::expression
