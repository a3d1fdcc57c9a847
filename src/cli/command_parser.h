// The command line as CLI11 has it, for the files that declare verbs. Only command_*.cc include it.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"

namespace stoker::cli {

// A flag with a value that means something: `--step "$STEP"` with STEP unset must not select everything.
extern const CLI::Validator kNotEmpty;
// One of these words. Help and completion read them from the type's name.
void choose_from(CLI::Option* option, const std::vector<std::string>& choices);
// A whole number within bounds.
void count_from(CLI::Option* option, int least, int most);

// Which of the options that verbs share a verb takes. Colour is everywhere, so that a script may always switch it off.
struct Shared {
  bool store = true;
  bool json = true;
};

// The CLI11 app and the Command that its callbacks fill. A verb's options live in this object, so that one parse leaves
// no state behind.
class Parser {
 public:
  Parser();
  Result<Command> parse(std::vector<std::string> arguments);
  CLI::App& app() { return app_; }

 private:
  // A verb whose options are `Options`; `declare` adds its flags.
  template <class Options>
  void verb(CLI::App& parent, const std::string& name, const std::string& help, const std::string& examples,
            const std::function<void(CLI::App&, Options&)>& declare, Shared shared = {});
  CLI::App* group(const std::string& name, const std::string& help);
  void add_run_verbs();
  void add_runs_verbs();
  void add_artifact_and_cache_verbs();
  void add_machine_verbs();
  void add_cluster_verbs();
  void add_apps_verbs(CLI::App& apps);
  Error explain(const CLI::ParseError& failure, const std::vector<std::string>& arguments);

  CLI::App app_{"Apache Spark as the steps of machine-learning pipelines"};
  CommonOptions common_;
  std::function<Verb()> chosen_;
};

template <class Options>
void Parser::verb(CLI::App& parent, const std::string& name, const std::string& help, const std::string& examples,
                  const std::function<void(CLI::App&, Options&)>& declare, Shared shared) {
  auto* sub = parent.add_subcommand(name, help);
  auto options = std::make_shared<Options>();
  if (declare) declare(*sub, *options);
  if (shared.store) {
    sub->add_option("--store", common_.store, "The store (default: STOKER_STORE, the nearest .stoker, else the user's)")
        ->type_name("FOLDER");
  }
  if (shared.json) sub->add_flag("--json", common_.json, "Print JSON instead of text");
  sub->add_flag("--no-color", common_.no_color, "No colours (so does NO_COLOR)");
  for (auto* option : sub->get_options()) {
    if (option->get_items_expected_max() > 0) option->check(kNotEmpty);
  }
  sub->footer("Examples:\n" + examples);
  sub->callback([this, options] { chosen_ = [options] { return Verb(*options); }; });
}

}  // namespace stoker::cli
