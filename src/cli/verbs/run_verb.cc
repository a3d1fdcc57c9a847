#include <fmt/format.h>

#include <random>

#include "cli/interpreter.h"
#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/pipeline_source.h"
#include "cli/random.h"
#include "cli/resumed_document.h"
#include "cli/run_output.h"
#include "cli/signals.h"
#include "cli/verbs/verbs.h"
#include "codec/yaml.h"
#include "engine/engine.h"
#include "local/pool_leaser.h"
#include "local/runner.h"
#include "objects/local_artifact_store.h"
#include "pipeline/parameters.h"
#include "pipeline/validate.h"
#include "runtime/file.h"
#include "workers/installation.h"

namespace stoker::cli {

namespace {

constexpr std::size_t kMaximumParameterFileBytes = 64 * 1024 * 1024;

Result<json::object> given_parameters(const Program& program, const RunCommand& command, const PipelineSource& source) {
  pipeline::GivenParameters given{.current_directory = program.working_directory.string()};
  for (const auto& [name, text] : command.parameters)
    given.assignments.push_back({name, text});
  if (command.parameter_file) {
    TRY_ASSIGN(auto text,
               runtime::read_file(program.working_directory / *command.parameter_file, kMaximumParameterFileBytes));
    auto document = codec::parse_yaml(text);
    if (!document.problems.empty()) return codec::located_error(*command.parameter_file, document.problems.front());
    if (!document.value.is_object()) {
      return Error{.code = ErrorCode::invalid_document,
                   .message = fmt::format("{} is no map of parameters", *command.parameter_file)};
    }
    given.values = std::move(document.value.get_object());
  }
  return pipeline::bind_parameters(source.document->main.parameters, source.file.parent_path().string(), given);
}

std::vector<std::string> step_names(const pipeline::Document& document) {
  std::vector<std::string> names;
  for (const auto& step : document.main.steps)
    names.push_back(step.name.str());
  for (const auto& step : document.main.finally)
    names.push_back(step.name.str());
  return names;
}

// What a run needs beside the document, made the same for `run` and `resume`.
class LocalEngine {
 public:
  struct Options {
    PythonChoice python;
    std::shared_ptr<local::PythonHost> host;
    std::optional<WallTime> compiled_at;
    bool isolated = false;
    engine::EngineOptions engine;
  };

  static Result<std::unique_ptr<LocalEngine>> make(const Program& program, metadata::Store& store, Options options) {
    local::LocalRunnerOptions runner{.clock = &program.clock, .environment = program.environment};
    runner.python = options.python.python;
    runner.python_from_project = options.python.from_project;
    runner.program = program.executable;
    TRY_ASSIGN(runner.sdk, program.sdk_folder());
    runner.isolated = options.isolated;
    // Asked for, it is more than a proposal: steps that wait for something else than a processor may be many.
    runner.slots = options.engine.parallelism;
    runner.host = std::move(options.host);
    runner.compiled_at = options.compiled_at;
    runner.secrets = local::default_secrets(program.environment, store.folder() / "secrets");
    TRY_ASSIGN(auto paths, workers::PoolPaths::prepare(program.environment));
    runner.leaser = std::make_shared<local::PoolLeaser>(
        std::move(paths), std::vector<std::string>{program.executable.string(), "workers", "serve"}, program.clock);
    return std::unique_ptr<LocalEngine>(new LocalEngine(store, std::move(runner), std::move(options.engine)));
  }

  engine::Engine& engine() { return engine_; }

 private:
  LocalEngine(metadata::Store& store, local::LocalRunnerOptions runner, engine::EngineOptions options)
      : artifacts_(store.folder()),
        runner_(std::move(runner)),
        engine_(store, artifacts_, runner_, std::move(options)) {}

  // In the order of dependence.
  objects::LocalArtifactStore artifacts_;
  local::LocalRunner runner_;
  engine::Engine engine_;
};

std::function<double()> random_fraction() {
  auto source = std::make_shared<std::mt19937_64>(random_bits());
  return [source] { return std::uniform_real_distribution<double>(0.0, 1.0)(*source); };
}

// What of the machine can change a step's result beside what the compiler wrote into the document.
json::object machine_facts(const Program& program) {
  const auto java = workers::find_java(program.environment);
  return {{"java", java.ok() ? json::value(java.value().feature) : json::value()}};
}

// A stored document was checked when its run began; sub-pipelines and manifests are part of it.
Result<std::shared_ptr<const pipeline::Document>> reload_document(const json::value& source,
                                                                  const std::string& directory) {
  TRY_ASSIGN(auto document, pipeline::load_document(source, "the run's document", document_options(directory)));
  return std::make_shared<const pipeline::Document>(std::move(document));
}

int exit_code_of(pipeline::RunState state) {
  switch (state) {
    case pipeline::RunState::succeeded: return 0;
    case pipeline::RunState::cancelled: return exit_code(ErrorCode::cancelled);
    default: return exit_code(ErrorCode::run_failed);
  }
}

}  // namespace

Result<int> run_run(const Program& program, const CommonOptions& common, const RunCommand& command) {
  block_signals();
  const auto file = (program.working_directory / command.file).lexically_normal();
  TRY_ASSIGN(const auto location, find_store_location(common, file.parent_path()));
  TRY_ASSIGN(auto source, load_pipeline(program, {.file = command.file,
                                                  .pipeline = command.pipeline,
                                                  .python = command.python,
                                                  .recompile = command.recompile,
                                                  .store = location.folder}));
  TRY_ASSIGN(auto parameters, given_parameters(program, command, source));
  TRY_ASSIGN(const auto store, metadata::Store::open(location.folder));

  const auto style = run_style(program, common, command.plain, command.quiet);
  if (source.interpreter && (style == RunStyle::tree || style == RunStyle::plain)) {
    print(fmt::format("python {} ({})\n", source.interpreter->path.string(), source.interpreter->reason));
  }
  // The runner takes the host over, with the user's file imported; it would start another if we kept ours.
  LocalEngine::Options options{.python = choose_python(command.python, source.project_root),
                               .host = std::move(source.host),
                               .compiled_at = source.compiled_at,
                               .isolated = command.isolated};
  options.engine = {.clock = &program.clock,
                    .random = random_fraction(),
                    .parallelism = command.parallelism.value_or(0),
                    .use_cache = !command.no_cache,
                    .timeout = command.timeout,
                    .fail_fast = command.fail_fast,
                    .cache_facts = machine_facts(program),
                    .environment = program.environment};
  TRY_ASSIGN(const auto local, LocalEngine::make(program, *store, std::move(options)));
  RunOutput output(program, common, style, source.document->main.name.str(), step_names(*source.document));
  const SignalWatch signals([&](int count) { local->engine().cancel(/*at_once=*/count > 1); });
  auto outcome = local->engine().run({.document = source.document,
                                      .parameters = std::move(parameters),
                                      .project_root = source.project_root.string(),
                                      .interpreter = source.interpreter ? source.interpreter->path.string() : "",
                                      .working_directory = program.working_directory.string(),
                                      .experiment = command.experiment.value_or(source.document->experiment),
                                      .file = source.file.string(),
                                      .selected = command.pipeline.value_or("")},
                                     output);
  output.close();
  if (!outcome.ok()) return std::move(outcome).error();
  if (style == RunStyle::tree || style == RunStyle::plain) {
    print(fmt::format(
        "artifacts: {}\n",
        (store->folder() / "artifacts" / source.document->main.name.str() / outcome.value().run.str()).string()));
  }
  return exit_code_of(outcome.value().state);
}

Result<int> run_runs_resume(const Program& program, const CommonOptions& common, const RunsResumeCommand& command) {
  block_signals();
  TRY_ASSIGN(const auto store, open_store(program, common));
  TRY_ASSIGN(const auto id, store->find_run(command.run));
  TRY_ASSIGN(const auto row, store->load_run(id));
  TRY_ASSIGN(auto resumed, resumed_document(program, row, command.python, store->folder()));
  LocalEngine::Options options{.python = choose_python(command.python, row.project_root),
                               .host = std::move(resumed.host),
                               .compiled_at = resumed.compiled_at,
                               .isolated = command.isolated};
  options.engine = {
      .clock = &program.clock,
      .random = random_fraction(),
      .parallelism = command.parallelism.value_or(0),
      .use_cache = resumed.code_known && !command.no_cache,
      .keep_results = resumed.code_known,
      .load_document = [&resumed](const json::value&,
                                  const std::string& directory) { return reload_document(resumed.source, directory); },
      .cache_facts = machine_facts(program),
      .environment = program.environment};
  TRY_ASSIGN(const auto local, LocalEngine::make(program, *store, std::move(options)));
  RunOutput output(program, common, run_style(program, common, command.plain, command.quiet), row.pipeline.str(),
                   step_names(row.document));
  const SignalWatch signals([&](int count) { local->engine().cancel(/*at_once=*/count > 1); });
  auto outcome = local->engine().resume(id, output);
  output.close();
  if (!outcome.ok()) return std::move(outcome).error();
  return exit_code_of(outcome.value().state);
}

}  // namespace stoker::cli
