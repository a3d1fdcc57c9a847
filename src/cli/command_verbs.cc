#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/strings.h"
#include "cli/command_parser.h"
#include "codec/duration.h"

namespace stoker::cli {

const CLI::Validator kNotEmpty(
    [](std::string& text) { return text.empty() ? std::string("needs a value that is not empty") : std::string(); },
    "");

void choose_from(CLI::Option* option, const std::vector<std::string>& choices) {
  option->type_name(join(choices, "|"));
  option->check(CLI::Validator(
      [choices](std::string& text) -> std::string {
        if (std::find(choices.begin(), choices.end(), text) != choices.end()) return "";
        const auto near = did_you_mean(text, choices);
        return fmt::format("\"{}\" is none of {}{}", text, join(choices, ", "), near.empty() ? "" : "; " + near);
      },
      ""));
}

void count_from(CLI::Option* option, int least, int most) {
  option->type_name("N");
  option->check(CLI::Validator(
      [least, most](std::string& text) -> std::string {
        int value = 0;
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
        const bool whole = failure == std::errc() && end == text.data() + text.size();
        if (whole && value >= least && value <= most) return "";
        return fmt::format("needs a whole number from {} to {}, not \"{}\"", least, most, text);
      },
      ""));
}

namespace {

constexpr auto kNoCacheHelp = "Run every step, whatever the cache has";

void add_parallelism(CLI::App& app, std::optional<int>& target) {
  count_from(app.add_option("--parallelism", target, "How many steps may run at once (default: processors)"), 1,
             10'000);
}

void add_duration(CLI::App& app, const std::string& flag, std::optional<std::chrono::milliseconds>& target,
                  const std::string& help) {
  app.add_option_function<std::string>(
         flag,
         [&target, flag](const std::string& text) {
           auto duration = codec::parse_duration(text);
           if (!duration.ok()) throw CLI::ValidationError(flag, duration.error().message);
           target = duration.value();
         },
         help)
      ->type_name("DURATION");
}

constexpr auto kRunHelp = "A run's id, its first or last characters, or `latest`";

}  // namespace

void Parser::add_run_verbs() {
  verb<RunCommand>(
      app_, "run", "Run a pipeline on this machine",
      "  stoker run pipeline.py\n"
      "  stoker run pipeline.py --set trees=50 --set path=other.csv\n"
      "  stoker run pipeline.yaml --json",
      [](CLI::App& app, RunCommand& options) {
        app.add_option("file", options.file, "A pipeline: Python file, or document (.yaml, .json)")
            ->required()
            ->type_name("");
        app.add_option("--pipeline,-p", options.pipeline, "Which pipeline of the file, when it has several")
            ->type_name("NAME");
        app.add_option_function<std::vector<std::string>>(
               "--set,-s",
               [&options](const std::vector<std::string>& settings) {
                 for (const auto& setting : settings) {
                   const auto at = setting.find('=');
                   if (at == std::string::npos || at == 0) {
                     throw CLI::ValidationError("--set", "\"" + setting + "\" is not NAME=VALUE");
                   }
                   options.parameters.emplace_back(setting.substr(0, at), setting.substr(at + 1));
                 }
               },
               "A parameter's value; may be given many times")
            ->type_name("NAME=VALUE")
            ->expected(1)
            ->take_all();
        app.add_option("--set-file", options.parameter_file, "Parameters from a YAML or JSON file")->type_name("FILE");
        app.add_option("--python", options.python, "The Python interpreter for the steps")->type_name("PYTHON");
        app.add_option("--experiment", options.experiment, "The experiment that the run belongs to")->type_name("NAME");
        add_parallelism(app, options.parallelism);
        add_duration(app, "--timeout", options.timeout, "End the run after this time, such as 30m");
        app.add_flag("--fail-fast", options.fail_fast, "After a failure start nothing new; what runs finishes");
        app.add_flag("--no-cache", options.no_cache, kNoCacheHelp);
        app.add_flag("--isolated", options.isolated, "Start a Spark JVM of its own for each Spark step");
        app.add_flag("--recompile", options.recompile, "Compile the file even if nothing changed");
        app.add_flag("--plain", options.plain, "Plain lines instead of the live tree");
        app.add_flag("--quiet,-q", options.quiet, "Print only what failed");
      });
  verb<CompileCommand>(
      app_, "compile", "Write the document of a pipeline file",
      "  stoker compile pipeline.py\n"
      "  stoker compile pipeline.py --yaml --output pipeline.yaml",
      [](CLI::App& app, CompileCommand& options) {
        app.add_option("file", options.file, "A pipeline file")->required()->type_name("");
        app.add_option("--pipeline,-p", options.pipeline, "Which pipeline of the file, when it has several")
            ->type_name("NAME");
        app.add_option("--python", options.python, "The Python interpreter")->type_name("PYTHON");
        app.add_option("--output,-o", options.output, "Where to write it (default: -, standard output)")
            ->type_name("FILE");
        app.add_flag("--yaml", options.yaml, "YAML instead of JSON");
        app.add_flag("--recompile", options.recompile, "Compile the file even if nothing changed");
      });
  verb<ValidateCommand>(
      app_, "validate", "Check pipeline files and documents, and print every error",
      "  stoker validate pipeline.yaml\n  stoker validate pipelines/*.py", [](CLI::App& app, ValidateCommand& options) {
        app.add_option("files", options.files, "Pipeline files or documents")->required()->type_name("");
        app.add_option("--python", options.python, "The Python interpreter")->type_name("PYTHON");
      });
}

void Parser::add_runs_verbs() {
  auto* runs = group("runs", "Look at runs, and resume, cancel or delete them");
  verb<RunsListCommand>(
      *runs, "list", "List runs, newest first", "  stoker runs list\n  stoker runs list --state failed --limit 5",
      [](CLI::App& app, RunsListCommand& options) {
        app.add_option("--pipeline,-p", options.pipeline, "Only runs of this pipeline")->type_name("NAME");
        choose_from(app.add_option("--state", options.state, "Only runs in this state"),
                    {"running", "interrupted", "succeeded", "failed", "cancelled"});
        app.add_option("--experiment", options.experiment, "Only runs of this experiment")->type_name("NAME");
        count_from(app.add_option("--limit,-n", options.limit, "At most this many")->capture_default_str(), 1,
                   1'000'000);
      });
  verb<RunsShowCommand>(*runs, "show", "Show a run: steps, times, artifacts, metrics, why a step was (not) cached",
                        "  stoker runs show\n  stoker runs show k3f9 --events\n  stoker runs show --follow",
                        [](CLI::App& app, RunsShowCommand& options) {
                          app.add_option("run", options.run, kRunHelp)->capture_default_str()->type_name("");
                          auto* events = app.add_flag("--events", options.events, "Print the run's events");
                          app.add_flag("--follow,-f", options.follow,
                                       "Show it as `stoker run` does, from another terminal, until it ends")
                              ->excludes(events);
                          app.add_flag("--plain", options.plain, "With --follow: plain lines instead of the live tree");
                        });
  verb<RunsLogsCommand>(
      *runs, "logs", "Print the logs of a run's steps",
      "  stoker runs logs latest train\n  stoker runs logs latest --follow",
      [](CLI::App& app, RunsLogsCommand& options) {
        app.add_option("run", options.run, kRunHelp)->capture_default_str()->type_name("");
        app.add_option("step", options.step, "Only this step, or instance such as train[3]")->type_name("");
        app.add_flag("--follow,-f", options.follow, "Print what is written as it is written, until the run ends");
        count_from(app.add_option("--tail", options.tail, "Only the last lines of each log"), 0, 1'000'000'000);
        count_from(app.add_option("--attempt", options.attempt, "Only this attempt (default: the last)"), 1, 1'000'000);
        choose_from(app.add_option("--stream", options.stream, "Which log")->capture_default_str(),
                    {"stdout", "stderr", "spark", "all"});
      },
      {.json = false});
  verb<RunsResumeCommand>(
      *runs, "resume", "Finish a run that failed, was cancelled or was interrupted; finished steps do not run again",
      "  stoker runs resume\n  stoker runs resume k3f9", [](CLI::App& app, RunsResumeCommand& options) {
        app.add_option("run", options.run, kRunHelp)->capture_default_str()->type_name("");
        app.add_option("--python", options.python, "The Python interpreter for the steps")->type_name("PYTHON");
        add_parallelism(app, options.parallelism);
        app.add_flag("--no-cache", options.no_cache, kNoCacheHelp);
        app.add_flag("--isolated", options.isolated, "Start a Spark JVM of its own for each Spark step");
        app.add_flag("--plain", options.plain, "Plain lines instead of the live tree");
        app.add_flag("--quiet,-q", options.quiet, "Print only what failed");
      });
  verb<RunsCancelCommand>(*runs, "cancel", "Cancel a run, from any terminal", "  stoker runs cancel latest",
                          [](CLI::App& app, RunsCancelCommand& options) {
                            app.add_option("run", options.run, kRunHelp)->capture_default_str()->type_name("");
                          });
  verb<RunsDeleteCommand>(*runs, "delete", "Delete runs and their logs; `gc` then removes the artifacts",
                          "  stoker runs delete k3f9 --yes", [](CLI::App& app, RunsDeleteCommand& options) {
                            app.add_option("runs", options.runs, "The runs' ids")->required()->type_name("");
                            app.add_flag("--yes,-y", options.yes, "Do not ask");
                          });
}

void Parser::add_artifact_and_cache_verbs() {
  auto* artifacts = group("artifacts", "Look at what steps wrote");
  verb<ArtifactsListCommand>(*artifacts, "list", "List a run's artifacts", "  stoker artifacts list",
                             [](CLI::App& app, ArtifactsListCommand& options) {
                               app.add_option("run", options.run, kRunHelp)->capture_default_str()->type_name("");
                             });
  verb<ArtifactsShowCommand>(
      *artifacts, "show", "Show one artifact: type, size, schema, preview",
      "  stoker artifacts show split/train\n  stoker artifacts show evaluate --run k3f9",
      [](CLI::App& app, ArtifactsShowCommand& options) {
        app.add_option("artifact", options.name, "STEP or STEP/OUTPUT")->required()->type_name("");
        app.add_option("--run", options.run, kRunHelp)->capture_default_str()->type_name("RUN");
      });
  verb<ArtifactsPathCommand>(
      *artifacts, "path", "Print where an artifact's data is", "  ls $(stoker artifacts path split/train)",
      [](CLI::App& app, ArtifactsPathCommand& options) {
        app.add_option("artifact", options.name, "STEP or STEP/OUTPUT")->required()->type_name("");
        app.add_option("--run", options.run, kRunHelp)->capture_default_str()->type_name("RUN");
      });
  auto* cache = group("cache", "Look at the step cache and say why a step ran");
  verb<CacheListCommand>(
      *cache, "list", "List cache entries", "  stoker cache list --step train",
      [](CLI::App& app, CacheListCommand& options) {
        app.add_option("--pipeline,-p", options.pipeline, "Only entries of this pipeline")->type_name("NAME");
        app.add_option("--step", options.step, "Only entries of this step")->type_name("STEP");
      });
  verb<CacheExplainCommand>(
      *cache, "explain", "Say why a step was, or was not, taken from the cache", "  stoker cache explain train",
      [](CLI::App& app, CacheExplainCommand& options) {
        app.add_option("step", options.step, "The step, or an instance such as train[3]")->required()->type_name("");
        app.add_option("--run", options.run, kRunHelp)->capture_default_str()->type_name("RUN");
      });
  verb<CacheInvalidateCommand>(
      *cache, "invalidate", "Forget cache entries, so that the steps run again",
      "  stoker cache invalidate --step train\n  stoker cache invalidate --all",
      [](CLI::App& app, CacheInvalidateCommand& options) {
        app.add_option("--pipeline,-p", options.pipeline, "Entries of this pipeline")->type_name("NAME");
        app.add_option("--step", options.step, "Entries of this step")->type_name("STEP");
        app.add_option("--key", options.key, "The entries whose key begins so")->type_name("KEY");
        app.add_flag("--all", options.all, "Every entry");
      });
}

void Parser::add_machine_verbs() {
  auto* workers = group("workers", "Warm Spark JVMs that wait for the next step");
  constexpr Shared kNoStore{.store = false};
  verb<WorkersListCommand>(*workers, "list", "List the JVMs", "  stoker workers list", nullptr, kNoStore);
  verb<WorkersStopCommand>(
      *workers, "stop", "End the JVMs: idle ones now, the others with their step",
      "  stoker workers stop\n  stoker workers stop --force",
      [](CLI::App& app, WorkersStopCommand& options) {
        app.add_flag("--force", options.force, "End those that run a step now, too; the step fails");
      },
      kNoStore);
  verb<WorkersPrepareCommand>(
      *workers, "prepare", "Make the class archive that halves a JVM's start, once per Java and pyspark",
      "  stoker workers prepare",
      [](CLI::App& app, WorkersPrepareCommand& options) {
        app.add_option("--python", options.python, "The Python interpreter that has pyspark")->type_name("PYTHON");
      },
      kNoStore);
  verb<GcCommand>(
      app_, "gc", "Remove what no kept run and no cache entry needs",
      "  stoker gc --older-than 30d\n  stoker gc --keep 20 --dry-run", [](CLI::App& app, GcCommand& options) {
        add_duration(app, "--older-than", options.older_than, "Remove runs that ended longer ago, such as 30d");
        count_from(app.add_option("--keep", options.keep, "Keep this many of the newest runs of each pipeline"), 0,
                   1'000'000);
        app.add_flag("--dry-run", options.dry_run, "Only say what would go");
      });
  verb<InitCommand>(
      app_, "init", "Make a project that runs at once and has a test", "  stoker init my_project",
      [](CLI::App& app, InitCommand& options) {
        app.add_option("directory", options.directory, "Where")->capture_default_str()->type_name("");
        app.add_option("--name", options.name, "The pipeline's name (default: the folder's)")->type_name("NAME");
      },
      kNoStore);
  verb<VersionCommand>(app_, "version", "Print the version", "  stoker version", nullptr, kNoStore);
  verb<CompletionCommand>(app_, "completion", "Print a completion script for a shell",
                          "  source <(stoker completion bash)\n"
                          "  stoker completion zsh > \"${fpath[1]}/_stoker\"\n"
                          "  stoker completion fish > ~/.config/fish/completions/stoker.fish",
                          [](CLI::App& app, CompletionCommand& options) {
                            choose_from(app.add_option("shell", options.shell, "The shell")->required(),
                                        {"bash", "zsh", "fish"});
                          },
                          {.store = false, .json = false});
}

}  // namespace stoker::cli
