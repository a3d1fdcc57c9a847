#include "engine/engine.h"

#include <fmt/format.h>
#include <unistd.h>

#include "codec/json_fields.h"
#include "codec/time.h"
#include "engine/run_loop.h"
#include "engine/run_rows.h"
#include "engine/run_socket.h"
#include "metadata/run_lock.h"
#include "pipeline/run/run_machine.h"
#include "pipeline/validate.h"

namespace stoker::engine {

using codec::object_of;
using codec::text_of;

namespace {

constexpr int kRunIdTries = 16;

std::string owner_text() {
  char host[256] = "?";
  (void)gethostname(host, sizeof host - 1);
  return fmt::format("pid {} on {}, stoker {}", getpid(), host, STOKER_VERSION);
}

std::shared_ptr<const RunContext> context_of(const metadata::RunRow& row, const std::filesystem::path& store,
                                             std::chrono::milliseconds grace) {
  auto context = std::make_shared<RunContext>();
  context->run = row.id;
  context->pipeline = row.pipeline;
  context->store = store;
  context->project_root = row.project_root;
  context->project = row.project_root;
  context->working_directory = text_of(object_of(row.extra), "workingDirectory");
  context->grace = grace;
  return context;
}

// What the run was started with, unless the resume has its own.
std::optional<std::chrono::milliseconds> timeout_of(const metadata::RunRow& row,
                                                    std::optional<std::chrono::milliseconds> given) {
  if (given || !row.extra.is_object()) return given;
  const json::value* stored = row.extra.get_object().if_contains("timeout_ms");
  if (stored == nullptr || !stored->is_int64()) return given;
  return std::chrono::milliseconds(stored->get_int64());
}

constexpr std::size_t kMaximumDocumentBytes = std::size_t{64} << 20;

// The stored source has everything put in that it names, so no file should be needed; one that is goes by its path.
Result<std::shared_ptr<const pipeline::Document>> read_stored(const json::value& source, const std::string& directory) {
  const pipeline::LoadOptions options{.directory = directory, .read_file = [](const std::string& path) {
                                        return runtime::read_file(path, kMaximumDocumentBytes);
                                      }};
  TRY_ASSIGN(pipeline::Document document, pipeline::load_document(json::value(source), "the stored document", options));
  return std::make_shared<const pipeline::Document>(std::move(document));
}

// The caller, and whoever follows on the run's socket.
struct FanOut final : RunObserver {
  void on_event(const json::object& line) override {
    for (RunObserver* one : all)
      one->on_event(line);
  }
  std::vector<RunObserver*> all;
};

}  // namespace

struct Engine::Prepared {
  metadata::RunLock lock;
  metadata::Epoch epoch;
  std::shared_ptr<const RunContext> context;
  pipeline::RunMachine machine;
  std::optional<pipeline::ResumeMode> resume;
};

RunId make_run_id(WallTime now, const std::function<double()>& random) {
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text = codec::format_time(now);  // 2026-01-01T00:00:00.000Z
  std::string id = text.substr(0, 4) + text.substr(5, 2) + text.substr(8, 2) + "-" + text.substr(11, 2) +
                   text.substr(14, 2) + text.substr(17, 2) + "-";
  for (int i = 0; i < 4; ++i)
    id += kLetters[static_cast<std::size_t>(random() * 31.999)];
  return RunId(id);
}

Engine::Engine(metadata::Store& store, const objects::ArtifactStore& artifacts, Runner& runner, EngineOptions options)
    : store_(store), artifacts_(artifacts), runner_(runner), options_(std::move(options)) {}

Engine::~Engine() = default;

int Engine::slots() const {
  const int offered = runner_.slots();
  if (options_.parallelism <= 0) return offered;
  return offered <= 0 ? options_.parallelism : std::min(options_.parallelism, offered);
}

// All steps that the runner cannot execute, not the first.
Result<void> Engine::check_supported(const pipeline::Document& document) const {
  std::optional<Error> first;
  int others = 0;
  const auto check = [&](const std::vector<pipeline::Step>& steps) {
    for (const pipeline::Step& step : steps) {
      if (std::holds_alternative<pipeline::PipelineStep>(step.body)) continue;
      auto supported = runner_.supports(step);
      if (supported) continue;
      if (first) {
        ++others;
      } else {
        first = std::move(supported).error().with_context(fmt::format("step {}", step.name.str()));
      }
    }
  };
  check(document.main.steps);
  check(document.main.finally);
  for (const auto& [name, one] : document.pipelines) {
    check(one.steps);
    check(one.finally);
  }
  if (!first) return {};
  if (others > 0) first->message += fmt::format(" (and {} other step{})", others, others == 1 ? "" : "s");
  return *first;
}

Result<RunOutcome> Engine::run(RunRequest request, RunObserver& observer) {
  TRY(check_supported(*request.document));
  TRY_ASSIGN(auto plan, pipeline::make_run_plan(request.document));
  metadata::RunRow row;
  row.pipeline = request.document->main.name;
  row.experiment = request.experiment;
  row.parameters = request.parameters;
  row.document_digest = request.document->digest;
  row.document = request.document->source;
  row.project_root = request.project_root;
  row.interpreter = request.interpreter;
  row.created = options_.clock->wall_now();
  row.started = row.created;
  row.owner = owner_text();
  row.machine_version = pipeline::kRunMachineVersion;
  row.extra =
      json::object{{"workingDirectory", request.working_directory}, {"directory", request.document->main.directory}};
  if (!request.file.empty()) row.extra.get_object()["file"] = request.file;
  if (!request.selected.empty()) row.extra.get_object()["selected"] = request.selected;
  // A resume, which has no command line of its own, holds to it.
  if (options_.timeout) row.extra.get_object()["timeout_ms"] = options_.timeout->count();
  for (int i = 0; i < kRunIdTries; ++i) {
    row.id = make_run_id(row.created, options_.random);
    TRY_ASSIGN(auto lock, metadata::RunLock::try_acquire(store_.folder(), row.id));
    if (!lock) continue;
    auto epoch = store_.create_run(row);
    if (!epoch && epoch.error().code == ErrorCode::already_exists) continue;
    if (!epoch) return std::move(epoch).error();
    TRY_ASSIGN(auto first, from_store(row));
    row.document = nullptr;  // stored; a copy of 100,000 steps is not for the time of the run
    pipeline::RunMachine machine(std::move(plan), {slots(), options_.fail_fast, options_.timeout}, std::move(first));
    return drive(
        {std::move(*lock), *epoch, context_of(row, store_.folder(), options_.grace), std::move(machine), std::nullopt},
        observer);
  }
  return Error{.code = ErrorCode::internal, .message = "no free run id was found"};
}

Result<RunOutcome> Engine::resume(const RunId& run, RunObserver& observer) {
  TRY_ASSIGN(auto lock, metadata::RunLock::try_acquire(store_.folder(), run));
  if (!lock) {
    return Error{.code = ErrorCode::conflict,
                 .message = fmt::format("run {} is running", run.str()),
                 .hint = "stoker runs cancel ends it"};
  }
  TRY_ASSIGN(metadata::RunRow row, store_.load_run(run));
  if (row.state == metadata::RunState::succeeded) {
    return Error{.code = ErrorCode::already_exists,
                 .message = fmt::format("run {} has succeeded", run.str()),
                 .hint = "stoker run starts a new one"};
  }
  TRY_ASSIGN(auto document, (options_.load_document ? options_.load_document : DocumentLoader(read_stored))(
                                row.document, text_of(object_of(row.extra), "directory")));
  TRY(check_supported(*document));
  TRY_ASSIGN(auto plan, pipeline::make_run_plan(document));
  TRY_ASSIGN(auto first, from_store(row));
  const auto mode = is_terminal(first.state) ? pipeline::ResumeMode::again : pipeline::ResumeMode::unfinished;

  std::vector<pipeline::StepRow> steps;
  std::optional<Error> damaged;
  TRY(store_.for_each_step(run, [&](const metadata::StepRow& step) {
    auto read = from_store(step);
    if (read) {
      steps.push_back(std::move(*read));
    } else if (!damaged) {
      damaged = std::move(read).error();
    }
  }));
  if (damaged) return *damaged;
  const auto context = context_of(row, store_.folder(), options_.grace);
  std::vector<LostAttempt> lost;
  for (const pipeline::StepRow& step : steps) {
    if (step.state != pipeline::StepState::running || step.kind != pipeline::InstanceKind::leaf) continue;
    lost.push_back(
        {{run, step.path, step.attempt},
         metadata::run_folder(store_.folder(), run) / "attempts" / step.path.str() / std::to_string(step.attempt)});
  }
  TRY(runner_.end_lost(lost));
  const pipeline::MachineOptions options{slots(), options_.fail_fast, timeout_of(row, options_.timeout)};
  TRY_ASSIGN(auto machine, pipeline::RunMachine::restore(std::move(plan), options, std::move(first), steps));
  TRY_ASSIGN(const metadata::Epoch epoch, store_.take_over(run, owner_text()));
  // Asked for while nobody ran it. A run that had ended is resumed because somebody wants it to go on.
  if (row.cancel_requested && mode == pipeline::ResumeMode::unfinished) cancel(false);
  return drive({std::move(*lock), epoch, context, std::move(machine), mode}, observer);
}

Result<RunOutcome> Engine::drive(Prepared prepared, RunObserver& observer) {
  StepCache cache(store_, artifacts_,
                  {.clock = options_.clock,
                   .read = options_.use_cache,
                   .write = options_.keep_results,
                   .facts = options_.cache_facts,
                   .environment = options_.environment});
  FanOut observers;
  observers.all.push_back(&observer);
  RunLoop loop(std::move(prepared.machine), prepared.context, store_, prepared.epoch, runner_, cache, observers,
               {.clock = options_.clock, .random = options_.random});
  const auto folder = metadata::run_folder(store_.folder(), prepared.context->run);
  auto socket = RunSocket::open(folder / kRunSocketName, loop.loop(), [&loop](bool at_once) { loop.cancel(at_once); });
  // Without it nobody can follow from another terminal; the run itself needs it not.
  if (socket) observers.all.push_back(socket->get());
  {
    std::scoped_lock lock(mutex_);
    loop_ = &loop;
    for (int i = 0; i < cancels_; ++i)
      loop.cancel(false);
    cancels_ = 0;
  }
  auto state = prepared.resume ? loop.run_restored(*prepared.resume) : loop.run_new();
  {
    std::scoped_lock lock(mutex_);
    loop_ = nullptr;
  }
  if (!state) return std::move(state).error().with_context(fmt::format("run {}", prepared.context->run.str()));
  return RunOutcome{prepared.context->run, *state};
}

void Engine::cancel(bool at_once) {
  std::scoped_lock lock(mutex_);
  if (loop_ != nullptr) {
    loop_->cancel(at_once);
  } else {
    cancels_ += at_once ? 2 : 1;
  }
}

}  // namespace stoker::engine
