#include "cli/command_line.h"

#include <gtest/gtest.h>

#include "cli/interpreter.h"

namespace stoker::cli {
namespace {

template <class Options>
Options parsed(const std::vector<std::string>& arguments) {
  auto command = parse_command_line(arguments);
  EXPECT_TRUE(command.ok()) << (command.ok() ? "" : command.error().describe());
  return std::get<Options>(command.value().verb);
}

Error refused(const std::vector<std::string>& arguments) {
  auto command = parse_command_line(arguments);
  EXPECT_FALSE(command.ok());
  return command.ok() ? Error{} : command.error();
}

TEST(CommandLine, ReadsARun) {
  const auto run =
      parsed<RunCommand>({"run", "p.py", "--set", "a=1", "-s", "b=x=y", "--timeout", "1h30m", "--no-cache"});
  EXPECT_EQ(run.file, "p.py");
  EXPECT_EQ(run.parameters, (std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "x=y"}}));
  EXPECT_EQ(run.timeout, std::chrono::minutes(90));
  EXPECT_TRUE(run.no_cache);
  EXPECT_FALSE(run.isolated);
}

TEST(CommandLine, TakesAnyNumberOfParameters) {
  std::vector<std::string> arguments = {"run", "p.py"};
  for (int i = 0; i < 10'000; ++i)
    arguments.insert(arguments.end(), {"--set", "p" + std::to_string(i) + "=1"});
  EXPECT_EQ(parsed<RunCommand>(arguments).parameters.size(), 10'000U);
}

TEST(CommandLine, DefaultsToTheLatestRun) {
  EXPECT_EQ(parsed<RunsShowCommand>({"runs", "show"}).run, "latest");
  EXPECT_EQ(parsed<RunsLogsCommand>({"runs", "logs", "k3f9", "train[3]", "-f"}).step, "train[3]");
}

TEST(CommandLine, TakesCommonOptionsAfterTheVerb) {
  auto command = parse_command_line({"runs", "list", "--store", "/x", "--json"}).value();
  EXPECT_EQ(command.common.store, "/x");
  EXPECT_TRUE(command.common.json);
}

TEST(CommandLine, SuggestsTheNearestVerbAndFlag) {
  EXPECT_EQ(refused({"rnu", "p.py"}).hint, "did you mean \"run\"?");
  EXPECT_EQ(refused({"runs", "shwo"}).hint, "did you mean \"show\"?");
  EXPECT_EQ(refused({"run", "p.py", "--no-cahce"}).hint, "did you mean \"--no-cache\"?");
  EXPECT_EQ(refused({"run", "p.py", "--no-cahce"}).code, ErrorCode::usage);
  EXPECT_NE(refused({"run", "p.py", "--set", "oops"}).message.find("NAME=VALUE"), std::string::npos);
  EXPECT_NE(refused({"run", "p.py", "--timeout", "soon"}).message.find("--timeout"), std::string::npos);
  EXPECT_NE(refused({"run"}).message.find("file"), std::string::npos);
}

TEST(CommandLine, HelpShowsExamples) {
  for (const auto& node : completion_nodes()) {
    if (!node.verbs.empty() || node.name == "version") continue;
    std::vector<std::string> words;
    std::string word;
    for (const char c : node.name + " ") {
      if (c == ' ') {
        words.push_back(word);
        word.clear();
      } else {
        word += c;
      }
    }
    words.push_back("--help");
    EXPECT_NE(parsed<HelpCommand>(words).text.find("Examples:"), std::string::npos) << node.name;
  }
}

TEST(CommandLine, AGroupShowsNoExamplesOfOtherVerbs) {
  const std::string text = parsed<HelpCommand>({"apps", "--help"}).text;
  EXPECT_NE(text.find("cleanup"), std::string::npos);
  EXPECT_EQ(text.find("stoker run"), std::string::npos) << text;
}

TEST(CommandLine, HidesTheDaemonsOwnVerb) {
  for (const auto& node : completion_nodes())
    EXPECT_EQ(node.name.find("serve"), std::string::npos);
  EXPECT_FALSE(parse_command_line({"workers", "serve"}).ok());
}

TEST(ProjectSetting, IsAStringOfTheToolsTable) {
  const auto* toml =
      "[project]\npython = \"no\"\n\n[tool.stoker]\n# python\npython = \".venv/bin/python\"  # ours\n[tool.x]\n";
  EXPECT_EQ(project_setting(toml, "python"), ".venv/bin/python");
  EXPECT_EQ(project_setting("[tool.stoker]\npython='p 3'", "python"), "p 3");
  EXPECT_EQ(project_setting("[tool.stoker]\npython = 3", "python"), "");
  EXPECT_EQ(project_setting("[tool.other]\npython = \"x\"", "python"), "");
  EXPECT_EQ(project_setting("", "python"), "");
}

TEST(CommandLine, HelpIsAVerbToo) {
  EXPECT_EQ(parsed<HelpCommand>({"help"}).text, parsed<HelpCommand>({"--help"}).text);
  EXPECT_EQ(parsed<HelpCommand>({"help", "runs", "show"}).text, parsed<HelpCommand>({"runs", "show", "--help"}).text);
  EXPECT_NE(parsed<HelpCommand>({"help", "runs", "show"}).text.find("Usage: stoker runs show"), std::string::npos);
  EXPECT_EQ(refused({"help", "rnu"}).hint, "did you mean \"run\"?");
}

TEST(CommandLine, RefusesEmptyValuesThatWouldSelectEverything) {
  EXPECT_NE(refused({"cache", "invalidate", "--step", ""}).message.find("not empty"), std::string::npos);
  EXPECT_NE(refused({"runs", "delete", ""}).message.find("not empty"), std::string::npos);
  EXPECT_NE(refused({"runs", "list", "--pipeline="}).message.find("--pipeline"), std::string::npos);
}

TEST(CommandLine, ReadsTheVerbsOfACluster) {
  const auto logs =
      parsed<AppsLogsCommand>({"apps", "logs", "ml/pi", "-f", "--tail", "5", "--executor", "3", "--context", "c"});
  EXPECT_EQ(logs.app, "ml/pi");
  EXPECT_TRUE(logs.follow);
  EXPECT_EQ(logs.tail, 5);
  EXPECT_EQ(logs.executor, "3");
  EXPECT_EQ(logs.where.context, "c");
  const auto kill = parsed<AppsKillCommand>({"apps", "kill", "a", "b", "--grace-period", "0", "-A"});
  EXPECT_EQ(kill.apps, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(kill.grace_period, 0);
  EXPECT_TRUE(kill.where.all_namespaces);
  EXPECT_EQ(parsed<RbacCommand>({"rbac", "-n", "ml"}).service_account, "spark");
}

TEST(CommandLine, RefusesWhatMakesNoSenseForACluster) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"apps", "kill"},
                                                {"apps", "kill", "--all"},
                                                {"apps", "list", "-n", "a", "-A"},
                                                {"apps", "show", ""},
                                                {"apps", "logs", "a", "--previous", "-f"},
                                                {"rbac", "--user", "alice"},
                                                {"doctor", "--service-account", "s"},
                                                {"doctor", "--cluster", "--python", "p"}})
    EXPECT_EQ(refused(words).code, ErrorCode::usage) << words.back();
}

TEST(CommandLine, SaysWhichValuesAndVerbsThereAre) {
  EXPECT_NE(refused({"runs", "list", "--state", "fialed"}).message.find("did you mean \"failed\"?"), std::string::npos);
  EXPECT_NE(refused({"runs", "list", "--limit", "many"}).message.find("a whole number from 1"), std::string::npos);
  EXPECT_NE(refused({"cache"}).message.find("list, explain, invalidate"), std::string::npos);
  EXPECT_EQ(refused({"runs", "list", "-o", "json"}).hint, "for JSON: --json");
  EXPECT_EQ(refused({"runs", "logs", "--json"}).code, ErrorCode::usage);
}

}  // namespace
}  // namespace stoker::cli
