#include "codec/yaml.h"

#include <gtest/gtest.h>

namespace stoker::codec {
namespace {

json::value yaml(std::string_view text) {
  auto result = parse_yaml(text);
  EXPECT_TRUE(result.problems.empty()) << text << "\n"
                                       << (result.problems.empty() ? "" : result.problems.front().message);
  return result.value;
}

std::string first_problem(const LocatedValue& result) {
  if (result.problems.empty()) return "";
  const auto& problem = result.problems.front();
  return std::to_string(problem.mark.line) + ":" + std::to_string(problem.mark.column) + ": " + problem.message;
}

std::string yaml_problem(std::string_view text) {
  return first_problem(parse_yaml(text));
}

TEST(Yaml, ScalarsMeanWhatTheCoreSchemaSays) {
  EXPECT_EQ(write_json(yaml("[yes, no, on, off, y, n]")), R"(["yes","no","on","off","y","n"])");
  EXPECT_EQ(write_json(yaml("[true, True, FALSE, ~, null, '']")), R"([true,true,false,null,null,""])");
  EXPECT_EQ(write_json(yaml("[1, -7, +3, 0x1F, 0o17, 0, 18446744073709551615]")),
            "[1,-7,3,31,15,0,18446744073709551615]");
  EXPECT_EQ(yaml("[1.5, 1e3, .5, 1., -0.0]").at(1), 1000.0);
  EXPECT_EQ(write_json(yaml("[1_000, 1:30, 2026-01-01, 1.2.3, 0b11, '1', 12e, 1e]")),
            R"(["1_000","1:30","2026-01-01","1.2.3","0b11","1","12e","1e"])");
  EXPECT_EQ(write_json(yaml("a: !!str 5\nb: ! 6\nc: \"7\"")), R"({"a":"5","b":"6","c":"7"})");
  EXPECT_EQ(write_json(yaml("a:\n  - |\n    one\n    two\n  - >-\n    one\n    two")),
            R"({"a":["one\ntwo\n","one two"]})");
}

TEST(Yaml, RefusesNumbersThatHaveTwoMeaningsOrNone) {
  EXPECT_EQ(yaml_problem("mode: 0644"), "1:7: 0644 is octal in YAML 1.1 and decimal in YAML 1.2");
  EXPECT_EQ(yaml_problem("a: .inf"), "1:4: .inf is no finite number");
  EXPECT_EQ(yaml_problem("a: 1e999"), "1:4: the number 1e999 does not fit into 64 bits");
  EXPECT_EQ(yaml_problem("a: 99999999999999999999"), "1:4: the number 99999999999999999999 does not fit into 64 bits");
  EXPECT_EQ(yaml_problem("a: -9223372036854775809"), "1:4: the number -9223372036854775809 does not fit into 64 bits");
  EXPECT_EQ(yaml("-9223372036854775808"), INT64_MIN);
}

TEST(Yaml, SaysWhereEachValueStands) {
  const auto result = parse_yaml("a: 1\nlist:\n  - é: x\n  - {b: [1, 2]}\n");
  const auto at = [&](std::string_view pointer) { return result.positions.value(result.value, pointer); };
  EXPECT_EQ(at("/a"), (Mark{1, 4}));
  EXPECT_EQ(at("/list/0/é"), (Mark{3, 8}));  // columns count characters
  EXPECT_EQ(at("/list/1/b/1"), (Mark{4, 13}));
  EXPECT_EQ(at("/list/1/nowhere"), (Mark{4, 5}));
  EXPECT_EQ(result.positions.key(result.value, "/list"), (Mark{2, 1}));
  EXPECT_EQ(result.positions.key(result.value, "/list/1"), (Mark{4, 5}));
}

TEST(Yaml, ReportsAllDuplicateKeysAtOnce) {
  const auto result = parse_yaml("a: 1\nb: {c: 1, c: 2}\na:\n  - 3\n");
  ASSERT_EQ(result.problems.size(), 2U);
  EXPECT_EQ(first_problem(result), "2:11: the key \"c\" is written twice");
  EXPECT_EQ(result.problems[1].mark, (Mark{3, 1}));
}

TEST(Yaml, SyntaxErrorsSayWhereAndWhatToDo) {
  const auto tab = parse_yaml("a:\n\tb: 1\n");
  EXPECT_EQ(tab.problems.at(0).mark.line, 2U);
  EXPECT_NE(tab.problems[0].hint.find("spaces"), std::string::npos);
  EXPECT_NE(parse_yaml("a: b: c").problems.at(0).hint.find("quotes"), std::string::npos);
  EXPECT_NE(parse_yaml("inputs: {x: ${{ a }}}").problems.at(0).hint.find("${{"), std::string::npos);
  EXPECT_EQ(yaml_problem(""), "1:1: the document is empty");
  EXPECT_EQ(yaml_problem("# only a comment\n"), "1:1: the document is empty");
  EXPECT_EQ(yaml_problem("a: 1\n---\nb: 2\n"), "2:1: a second document starts here");
  EXPECT_NE(yaml_problem("a: \xff\xfe"), "");
  EXPECT_NE(yaml_problem(std::string_view("a: \0", 4)), "");
  EXPECT_EQ(yaml_problem("? [a]\n: 1"), "1:3: a key must be a plain text");
  EXPECT_EQ(yaml_problem("a: !!binary aGk="), "1:4: the tag tag:yaml.org,2002:binary has no meaning here");
  EXPECT_EQ(yaml_problem("a: !mine {b: 1}"), "1:4: the tag !mine has no meaning here");
}

TEST(Yaml, AnchorsAliasesAndMerge) {
  const auto result =
      parse_yaml("base: &b {x: 1, y: [2]}\nother: *b\nmerged:\n  <<: *b\n  x: 9\nboth: {<<: [{p: 1}, *b], p: 0}\n");
  ASSERT_TRUE(result.problems.empty());
  EXPECT_EQ(
      write_json(result.value),
      R"({"base":{"x":1,"y":[2]},"other":{"x":1,"y":[2]},"merged":{"x":9,"y":[2]},"both":{"p":0,"x":1,"y":[2]}})");
  const auto at = [&](std::string_view pointer) { return result.positions.value(result.value, pointer); };
  EXPECT_EQ(at("/other"), (Mark{2, 8}));
  EXPECT_EQ(at("/merged/x"), (Mark{5, 6}));
  EXPECT_EQ(at("/merged/y/0"), (Mark{1, 21}));  // inside an alias: where the text is
  EXPECT_EQ(at("/both/y"), (Mark{1, 20}));
  EXPECT_EQ(yaml_problem("a: *nope"), "1:4: no anchor &nope stands before this alias");
  EXPECT_EQ(yaml_problem("a: &a [*a]"), "1:8: the alias *a stands inside its own anchor");
  EXPECT_EQ(yaml_problem("<<: 3"), "1:1: << needs a mapping or a list of mappings");
  EXPECT_EQ(write_json(yaml("'<<': 3")), R"({"<<":3})");
}

TEST(Yaml, LeavesScalarsAsTheyAreWritten) {
  const auto read = [](std::string_view text) { return write_json(parse_yaml(text, YamlScalars::as_written).value); };
  EXPECT_EQ(read("{a: 010, b: 1.50, c: true, d: '5', e: , f: !!int '6', g: .inf}"),
            R"({"a":"010","b":"1.50","c":"true","d":"5","e":null,"f":"6","g":".inf"})");
  EXPECT_TRUE(parse_yaml("{a: 010, g: .inf, h: !x y}", YamlScalars::as_written).problems.empty());
}

TEST(Yaml, TakesAnEmptyDocumentBehindTheFirstForNone) {
  EXPECT_TRUE(parse_yaml("a: 1\n---\n").problems.empty());
  EXPECT_TRUE(parse_yaml("---\na: 1\n...\n---\n# nothing\n").problems.empty());
  for (const char* text : {"a: 1\n---\nb: 2\n", "a: 1\n---\n''\n", "a: 1\n---\n---\nb: 2\n", "a: 1\n---\n{}\n"})
    EXPECT_FALSE(parse_yaml(text).problems.empty()) << text;
}

TEST(Yaml, BoundsBombsAndDepth) {
  std::string bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 12; ++i) {
    const auto p = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + p;
    for (int j = 0; j < 8; ++j)
      bomb += ", " + p;
    bomb += "]\n";
  }
  EXPECT_NE(yaml_problem(bomb).find("anchors and aliases expand to more than 32 MiB"), std::string::npos);
  const std::string large = "a: &a \"" + std::string(1 << 20, 'x') + "\"\nb: [";
  std::string aliases = large + "*a";
  for (int i = 0; i < 40; ++i)
    aliases += ", *a";
  EXPECT_NE(yaml_problem(aliases + "]").find("expand"), std::string::npos);
  EXPECT_EQ(yaml_problem(std::string(100'000, '[')), "1:66: nested deeper than 64 levels");
  EXPECT_NE(yaml_problem(std::string(kMaximumYamlBytes + 1, ' ')).find("larger than 64 MiB"), std::string::npos);
}

TEST(LocatedJson, HasPositionsAndEveryEscape) {
  const auto result = parse_json_located("{\n  \"a\": [1, {\"b\\u00e9\": \"\\ud83d\\ude00\\n\"}],\n  \"c\" : true }");
  ASSERT_TRUE(result.problems.empty());
  EXPECT_EQ(result.value.at("a").at(1).at("bé"), "😀\n");
  EXPECT_EQ(result.positions.value(result.value, "/a/1/bé"), (Mark{2, 24}));
  EXPECT_EQ(result.positions.key(result.value, "/c"), (Mark{3, 3}));
}

TEST(LocatedJson, RefusesWhatIsNotExactlyOneMeaning) {
  const auto problem = [](std::string_view text) { return first_problem(parse_json_located(text)); };
  EXPECT_EQ(problem(R"({"a": 1, "\u0061": {"x": [2, "}"]}, "b": 3})"), "1:10: the key \"a\" is written twice");
  EXPECT_EQ(problem("{\"a\": 99999999999999999999}"), "1:7: the number 99999999999999999999 does not fit into 64 bits");
  EXPECT_EQ(problem("[1e999]"), "1:2: the number 1e999 does not fit into 64 bits");
  EXPECT_EQ(problem("{\"a\":\n nope}").substr(0, 2), "2:");
  EXPECT_EQ(problem("{} {}").substr(0, 4), "1:4:");
  EXPECT_NE(problem(R"(["\ud83d"])"), "");
  EXPECT_NE(problem(std::string(100'000, '[')), "");
  EXPECT_NE(problem(""), "");
}

}  // namespace
}  // namespace stoker::codec
