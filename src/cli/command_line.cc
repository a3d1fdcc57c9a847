#include "cli/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/strings.h"
#include "cli/command_parser.h"
#include "cli/submit/submit_line.h"

namespace stoker::cli {

CLI::App* Parser::group(const std::string& name, const std::string& help) {
  auto* sub = app_.add_subcommand(name, help);
  sub->require_subcommand(1);
  sub->footer("");  // else it would have the program's examples; each verb has its own
  return sub;
}

Parser::Parser() {
  app_.name("stoker");
  app_.footer(
      "Examples:\n"
      "  stoker init my_project && cd my_project && stoker run pipeline.py\n"
      "  stoker run pipeline.py --set trees=50\n"
      "  stoker runs show            # the latest run\n"
      "  stoker runs logs latest train\n\n"
      "Exit codes: 0 succeeded, 1 the run failed, 2 bad usage or document, 3 the environment failed, 130 cancelled");
  app_.set_help_flag("-h,--help", "Print help; so does `stoker help VERB`");
  app_.set_version_flag("--version", "stoker " STOKER_VERSION, "Print the version");
  app_.require_subcommand(1);
  add_run_verbs();
  add_runs_verbs();
  add_artifact_and_cache_verbs();
  add_machine_verbs();
  add_cluster_verbs();
}

namespace {

CLI::App* find_verb(CLI::App* app, const std::string& name) {
  const auto found = app->get_subcommands([&](const CLI::App* each) { return each->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

// The deepest verb that the words name, where a misspelt word was meant to belong.
CLI::App* deepest(CLI::App* app, const std::vector<std::string>& words) {
  for (const auto& word : words) {
    auto* next = find_verb(app, word);
    if (next == nullptr) {
      if (word.starts_with("-")) continue;
      break;
    }
    app = next;
  }
  return app;
}

std::vector<std::string> verbs_of(const CLI::App* app) {
  std::vector<std::string> names;
  for (const auto* sub : app->get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) {
    names.push_back(sub->get_name());
  }
  return names;
}

std::vector<std::string> flags_of(const CLI::App* app) {
  std::vector<std::string> names;
  for (const auto* option : app->get_options()) {
    for (const auto& name : option->get_lnames())
      names.push_back("--" + name);
    for (const auto& name : option->get_snames())
      names.push_back("-" + name);
  }
  return names;
}

// `word` names `app` or a verb that it belongs to.
bool is_verb_on_the_way(const CLI::App* app, const std::string& word) {
  for (; app->get_parent() != nullptr; app = app->get_parent()) {
    if (app->get_name() == word) return true;
  }
  return false;
}

// "stoker runs show".
std::string full_name(const CLI::App* app) {
  return app->get_parent() == nullptr ? app->get_name() : full_name(app->get_parent()) + " " + app->get_name();
}

// The first word that nothing of `app` is called, with what was probably meant.
std::optional<Error> unknown_word(const CLI::App* app, const std::vector<std::string>& words) {
  for (const auto& word : words) {
    const bool is_flag = word.starts_with("-") && word != "-";
    const auto known = is_flag ? flags_of(app) : verbs_of(app);
    const auto text = is_flag ? word.substr(0, word.find('=')) : word;
    if (is_verb_on_the_way(app, word) || known.empty()) continue;
    if (std::find(known.begin(), known.end(), text) != known.end()) continue;
    Error error{.code = ErrorCode::usage,
                .message = fmt::format("{}: unknown {} \"{}\"", full_name(app), is_flag ? "flag" : "verb", text),
                .hint = did_you_mean(text, known)};
    const bool wants_format = text == "-o" || text == "--output" || text == "--format";
    if (wants_format && std::find(known.begin(), known.end(), "--json") != known.end()) error.hint = "for JSON: --json";
    if (error.hint.empty()) error.hint = "see: " + full_name(app) + " --help";
    return error;
  }
  return std::nullopt;
}

}  // namespace

Error Parser::explain(const CLI::ParseError& failure, const std::vector<std::string>& arguments) {
  const auto* app = deepest(&app_, arguments);
  const auto exit_code = static_cast<CLI::ExitCodes>(failure.get_exit_code());
  if (exit_code == CLI::ExitCodes::ExtrasError || exit_code == CLI::ExitCodes::RequiredError) {
    if (auto unknown = unknown_word(app, arguments)) return *std::move(unknown);
    if (const auto verbs = verbs_of(app); !verbs.empty()) {
      return {.code = ErrorCode::usage,
              .message = full_name(app) + " needs a verb: " + join(verbs, ", "),
              .hint = "see: " + full_name(app) + " --help"};
    }
  }
  return {.code = ErrorCode::usage,
          .message = full_name(app) + ": " + std::string(trim(failure.what())),
          .hint = "see: " + full_name(app) + " --help"};
}

Result<Command> Parser::parse(std::vector<std::string> arguments) {
  // As git and kubectl have it.
  if (!arguments.empty() && arguments.front() == "help") {
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  if (arguments.empty()) arguments.emplace_back("--help");
  // The words of spark-submit are its own, and those behind the application are the application's.
  if (arguments.front() == "submit") {
    TRY_ASSIGN(SubmitCommand submit, parse_submit_line(std::span(arguments).subspan(1)));
    if (submit.arguments.version) return Command{.common = {}, .verb = VersionCommand{}};
    if (!submit.arguments.help) return Command{.common = {}, .verb = std::move(submit)};
    arguments = {"submit", "--help"};
  }
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app_.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    const auto* app = deepest(&app_, arguments);
    if (auto unknown = unknown_word(app, arguments); unknown && !verbs_of(app).empty()) return *std::move(unknown);
    const auto* parent = app->get_parent();
    return Command{.common = {}, .verb = HelpCommand{app->help(parent == nullptr ? "" : full_name(parent))}};
  } catch (const CLI::CallForVersion&) {
    return Command{.common = common_, .verb = VersionCommand{}};
  } catch (const CLI::ParseError& failure) {
    return explain(failure, arguments);
  }
  return Command{.common = common_, .verb = chosen_()};
}

namespace {

// The words that choose_from left in the type's name.
std::vector<std::string> choices_of(const CLI::Option* option) {
  const auto type = option->get_type_name();
  return type.find('|') == std::string::npos ? std::vector<std::string>() : split(type, '|');
}

void collect(const CLI::App* app, const std::string& name, std::vector<CompletionNode>& nodes) {
  CompletionNode node{.name = name, .help = app->get_description(), .verbs = verbs_of(app), .flags = {}, .values = {}};
  for (const auto* option : app->get_options()) {
    if (option->get_positional()) {
      node.values = choices_of(option);
    } else if (!option->get_lnames().empty()) {
      node.flags.push_back({"--" + option->get_lnames().front(), option->get_description(),
                            option->get_items_expected_max() > 0, choices_of(option)});
    }
  }
  nodes.push_back(std::move(node));
  for (const auto& verb : verbs_of(app))
    collect(app->get_subcommand(verb), name.empty() ? verb : fmt::format("{} {}", name, verb), nodes);
}

}  // namespace

Result<Command> parse_command_line(const std::vector<std::string>& arguments) {
  return Parser().parse(arguments);
}

std::vector<CompletionNode> completion_nodes() {
  Parser parser;
  std::vector<CompletionNode> nodes;
  collect(&parser.app(), "", nodes);
  return nodes;
}

}  // namespace stoker::cli
