#include "pipeline/parameters.h"

#include <gtest/gtest.h>

#include <ctime>

namespace stoker::pipeline {
namespace {

json::value parse(std::string_view text) {
  return codec::parse_json(text).value();
}

Parameter parameter(std::string name, ParameterType type, std::string_view bounds = "{}",
                    std::string_view default_value = "") {
  Parameter result{.name = std::move(name), .type = type};
  result.bounds = parse(bounds).as_object();
  if (default_value.empty()) {
    result.required = true;
  } else {
    result.default_value = parse(default_value);
  }
  return result;
}

std::vector<Parameter> all_types() {
  return {
      parameter("path", ParameterType::file, "{}", "\"data/wdbc.csv\""),
      parameter("trees", ParameterType::integer, R"({"minimum": 1, "maximum": 500})", "20"),
      parameter("rate", ParameterType::number, "{}", "0.5"),
      parameter("name", ParameterType::string, R"({"minLength": 2, "maxLength": 4, "pattern": "^[a-zé]+$"})", "\"ab\""),
      parameter("fast", ParameterType::boolean, "{}", "false"),
      parameter("grid", ParameterType::list, R"({"minItems": 1, "maxItems": 2})", "[1]"),
      parameter("options", ParameterType::map, "{}", "{}"),
      parameter("mode", ParameterType::enumeration, R"({"values": ["small", "large", 3]})", "\"small\""),
      parameter("orders", ParameterType::table, "{}", R"({"name": "sales.orders", "version": 3})"),
      parameter("token", ParameterType::secret, "{}", "\"team_token\""),
      parameter("anything", ParameterType::any, "{}", "null")};
}

Result<json::object> bound_values(const std::vector<Parameter>& declared, const std::vector<std::string>& sets,
                                  std::string_view values = "{}", bool bindings = false) {
  GivenParameters given{
      .values = parse(values).as_object(), .values_are_bindings = bindings, .current_directory = "/home/ada"};
  for (const auto& set : sets)
    given.assignments.push_back(parse_assignment(set).value());
  return bind_parameters(declared, "/project/flows", given);
}

TEST(Parameters, DefaultsAreRelativeToTheFileThatDeclaresThem) {
  const auto bound = bound_values(all_types(), {}).value();
  EXPECT_EQ(
      codec::write_json(bound),
      R"({"path":{"$file":{"path":"/project/flows/data/wdbc.csv"}},"trees":20,"rate":0.5,"name":"ab","fast":false,"grid":[1],)"
      R"("options":{},"mode":"small","orders":{"$table":{"name":"sales.orders","version":3}},"token":{"$secret":"team_token"},"anything":null})");
}

TEST(Parameters, TextsBecomeValuesOfTheDeclaredType) {
  const auto bound =
      bound_values(all_types(), {"path=../x/./a b.csv", "trees=30", "rate=1e3", "name=ééé", "fast=true", "grid=[1, a]",
                                 "options={a: {$b: 1}}", "mode=3", "token=env:TOKEN", "anything=[1]"})
          .value();
  EXPECT_EQ(bound.at("path"), parse(R"({"$file": {"path": "/home/x/a b.csv"}})"));
  EXPECT_EQ(bound.at("trees"), 30);
  EXPECT_EQ(bound.at("rate"), 1000.0);
  EXPECT_EQ(bound.at("name"), "ééé");
  EXPECT_EQ(bound.at("fast"), true);
  EXPECT_EQ(bound.at("grid"), parse(R"([1, "a"])"));
  EXPECT_EQ(bound.at("options"), parse(R"({"a": {"$value": {"$b": 1}}})"));
  EXPECT_EQ(bound.at("mode"), 3);
  EXPECT_EQ(bound.at("token"), parse(R"({"$secret": "env:TOKEN"})"));
  EXPECT_EQ(bound.at("anything"), parse("[1]"));
}

TEST(Parameters, TablesHaveANameAndMaybeAVersion) {
  const std::pair<std::string, std::string> cases[] = {
      {"a.b", R"({"name":"a.b"})"},
      {"a.b@7", R"({"name":"a.b","version":"7"})"},
      {"a@b@7", R"({"name":"a@b","version":"7"})"},
      {"{name: a@b}", R"({"name":"a@b"})"},
      {R"({"name": "a", "version": null})", R"({"name":"a"})"},
      {R"({"name": "a", "version": 7})", R"({"name":"a","version":7})"}};
  for (const auto& [text, expected] : cases) {
    const auto bound = bound_values(all_types(), {"orders=" + text});
    ASSERT_TRUE(bound.ok()) << text;
    EXPECT_EQ(bound->at("orders"), parse(R"({"$table": )" + expected + "}")) << text;
  }
  for (const std::string text : {"", "@7", "a@", "{}", "{name: ''}", "{name: a, version: []}", "{name: a, table: b}"}) {
    EXPECT_FALSE(bound_values(all_types(), {"orders=" + text}).ok()) << text;
  }
}

TEST(Parameters, PathsAndUris) {
  EXPECT_EQ(absolute_path("/a/b", "s3://bucket/x/../y"), "s3://bucket/x/../y");
  EXPECT_EQ(absolute_path("/a/b", "/c/../d/"), "/d");
  EXPECT_EQ(absolute_path("/a/b", "."), "/a/b");
  EXPECT_EQ(absolute_path("/a/b", "c:/x"), "/a/b/c:/x");
  const auto bound = bound_values(all_types(), {"path=hdfs://host/x", "token=file:secrets/t"}).value();
  EXPECT_EQ(bound.at("path"), parse(R"({"$file": {"path": "hdfs://host/x"}})"));
  EXPECT_EQ(bound.at("token"), parse(R"({"$secret": "file:/home/ada/secrets/t"})"));
}

TEST(Parameters, NamesAllProblemsAtOnce) {
  auto declared = all_types();
  declared.push_back(parameter("needed", ParameterType::string));
  declared.push_back(parameter("also_needed", ParameterType::integer));
  const auto result = bound_values(declared, {"tres=3", "trees=501", "rate=fast", "name=a", "fast=yes", "grid=[]",
                                              "options=3", "mode=lrge", "token=hunter 2!", "also_needed=010"});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::invalid_value);
  EXPECT_EQ(result.error().message,
            "11 errors in the parameters\n"
            "unknown parameter \"tres\"\n    did you mean \"trees\"?\n"
            "parameter \"trees\" must be at most 500\n"
            "parameter \"rate\" must be a number, not \"fast\"\n"
            "parameter \"name\" must have at least 2 characters\n"
            "parameter \"fast\" must be true or false, not \"yes\"\n"
            "parameter \"grid\" must have at least 1 items\n"
            "parameter \"options\" must be a map, not \"3\"\n    write it as JSON: {\"a\": 1}\n"
            "parameter \"mode\" must be one of small, large, 3, not the text \"lrge\"\n    did you mean \"large\"?\n"
            "parameter \"token\" must be a reference to a secret, not the secret itself\n    write env:NAME, file:PATH "
            "or the name of a secret\n"
            "parameter \"also_needed\" must be an integer, not \"010\"\n"
            "    write it without the leading zero, as 0o17 for octal, or in quotes for a text\n"
            "parameter \"needed\" is required and has no value\n    give it: --set needed=…");
}

TEST(Parameters, TypedValuesAreCheckedAndBindingsPassed) {
  const auto bound =
      bound_values(all_types(), {"trees=7"},
                   R"({"trees": 6, "path": {"$file": {"path": "/x"}}, "anything": {"$artifact": {}}})", true)
          .value();
  EXPECT_EQ(bound.at("trees"), 7);  // the command line comes after a file of parameters
  EXPECT_EQ(bound.at("path"), parse(R"({"$file": {"path": "/x"}})"));
  EXPECT_EQ(bound.at("anything"), parse(R"({"$artifact": {}})"));
  EXPECT_EQ(bound_values(all_types(), {}, R"({"trees": "7"})").error().message,
            "parameter \"trees\" must be an integer, not the text \"7\"");
  EXPECT_EQ(bound_values(all_types(), {}, R"({"trees": 7.5})").error().message,
            "parameter \"trees\" must be an integer, not the number 7.5");
  EXPECT_EQ(bound_values(all_types(), {}, R"({"name": "abc1"})").error().message,
            "parameter \"name\" must match the pattern ^[a-zé]+$");
  // What a user gives never becomes a binding.
  EXPECT_EQ(bound_values(all_types(), {R"(options={"$file": {"path": "/etc/passwd"}})"}).value().at("options"),
            parse(R"({"$value": {"$file": {"path": "/etc/passwd"}}})"));
  EXPECT_EQ(bound_values(all_types(), {}, R"({"anything": {"$secret": "x"}})").value().at("anything"),
            parse(R"({"$value": {"$secret": "x"}})"));
}

TEST(Parameters, TenThousandTakeNoTime) {
  std::vector<Parameter> declared;
  std::vector<std::string> sets;
  for (int i = 0; i < 10'000; ++i) {
    declared.push_back(parameter("parameter_" + std::to_string(i), ParameterType::integer));
    sets.push_back("parameter_" + std::to_string(i) + "=" + std::to_string(i));
  }
  const auto start = std::clock();
  EXPECT_EQ(bound_values(declared, sets).value().size(), 10'000U);
  const auto missing = bound_values(declared, {}).error().message;
  EXPECT_LT((std::clock() - start) / CLOCKS_PER_SEC, 2);
  EXPECT_EQ(missing.substr(0, 34), "10000 errors in the parameters\npar");
  EXPECT_TRUE(missing.ends_with("and 9950 more"));
}

TEST(Parameters, AssignmentsSplitAtTheFirstEquals) {
  EXPECT_EQ(parse_assignment("a=b=c")->text, "b=c");
  EXPECT_EQ(parse_assignment("a=")->text, "");
  EXPECT_FALSE(parse_assignment("a").ok());
  EXPECT_FALSE(parse_assignment("=a").ok());
}

}  // namespace
}  // namespace stoker::pipeline
