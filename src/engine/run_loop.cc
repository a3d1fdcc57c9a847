#include "engine/run_loop.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/overloaded.h"
#include "codec/time.h"
#include "engine/run_rows.h"
#include "metadata/run_lock.h"

namespace stoker::engine {

using pipeline::InstanceId;

namespace {

constexpr std::size_t kMaximumQueuedLookups = 100'000;

json::object error_json(const AttemptError& error) {
  json::object out{{"class", pipeline::failure_class_name(error.failure_class)}, {"message", error.message}};
  if (!error.type.empty()) out["type"] = error.type;
  if (!error.traceback.empty()) out["traceback"] = error.traceback;
  if (!error.hint.empty()) out["hint"] = error.hint;
  if (!error.file.empty()) out["file"] = error.file;
  if (error.line > 0) out["line"] = error.line;
  if (error.exit_code) out["exitCode"] = *error.exit_code;
  if (error.signal) out["signal"] = *error.signal;
  return out;
}

pipeline::StepResultPtr to_step_result(AttemptResult& result, json::object cache) {
  auto out = std::make_shared<pipeline::StepResult>();
  if (result.succeeded) {
    out->outputs = std::move(result.outputs);
  } else {
    out->error = error_json(result.error);
  }
  out->metrics = std::move(result.metrics);
  for (const auto& [name, path] : result.logs)
    out->logs[name] = path;
  out->cache = std::move(cache);
  out->cpu_milliseconds = result.cpu_milliseconds;
  out->peak_rss_bytes = result.peak_rss_bytes;
  return out;
}

}  // namespace

RunLoop::RunLoop(pipeline::RunMachine machine, std::shared_ptr<const RunContext> context, metadata::Store& store,
                 metadata::Epoch epoch, Runner& runner, StepCache& cache, RunObserver& observer, RunLoopOptions options)
    : machine_(std::move(machine)),
      values_(machine_.shared_plan(), *machine_.run().parameters),
      context_(std::move(context)),
      attempts_folder_((metadata::run_folder(context_->store, context_->run) / "attempts").string()),
      store_(store),
      epoch_(epoch),
      runner_(runner),
      cache_(cache),
      observer_(observer),
      options_(std::move(options)),
      loop_(*options_.clock),
      began_(options_.clock->steady_now()) {}

RunLoop::~RunLoop() {
  lookup_stop_.request_stop();
  if (lookups_ != nullptr) lookups_->close();
  if (lookup_thread_.joinable()) lookup_thread_.join();
}

// --- from other threads ----------------------------------------------------------------------------------------------

void RunLoop::post(Message message, bool droppable) {
  bool wake = false;
  {
    std::scoped_lock lock(mutex_);
    if (droppable && inbox_.size() >= kMaximumLiveBacklog) {
      ++dropped_;
      return;
    }
    inbox_.push_back(std::move(message));
    wake = !std::exchange(woken_, true);
  }
  if (wake) loop_.post([this] { turn(); });
}

void RunLoop::started(const AttemptId& id, std::optional<std::int64_t> pid) {
  post(Started{id, pid}, false);
}
void RunLoop::finished(const AttemptId& id, AttemptResult result) {
  post(Finished{id, std::move(result)}, false);
}
void RunLoop::cancel(bool at_once) {
  post(Cancel{at_once}, false);
}

json::object RunLoop::live(std::string_view type, const AttemptId& id) const {
  return {{"version", pipeline::kRunEventVersion},
          {"time", codec::format_time(options_.clock->wall_now())},
          {"run", id.run.str()},
          {"type", type},
          {"step", id.step.str()},
          {"attempt", id.attempt}};
}

void RunLoop::progress(const AttemptId& id, AttemptProgress progress) {
  json::object line = live("progress", id);
  line["done"] = progress.done;
  line["total"] = progress.total;
  if (!progress.label.empty()) line["label"] = progress.label;
  json::array stages;
  for (const StageProgress& stage : progress.stages) {
    stages.push_back(json::object{{"id", stage.id},
                                  {"name", stage.name},
                                  {"done", stage.done},
                                  {"failed", stage.failed},
                                  {"active", stage.active},
                                  {"total", stage.total}});
  }
  if (!stages.empty()) line["stages"] = std::move(stages);
  post(std::move(line), true);
}

void RunLoop::metric(const AttemptId& id, std::string name, double value, std::optional<std::int64_t> step) {
  json::object line = live("metric", id);
  line["name"] = name;
  line["value"] = value;
  if (step) line["at"] = *step;
  post(std::move(line), true);
}

void RunLoop::log_line(const AttemptId& id, std::string stream, std::string text) {
  json::object line = live("log", id);
  line["stream"] = stream;
  line["line"] = text;
  post(std::move(line), true);
}

pipeline::Moment RunLoop::now() const {
  return {options_.clock->wall_now(),
          std::chrono::duration_cast<pipeline::Duration>(options_.clock->steady_now() - began_)};
}

// --- the loop's own thread -------------------------------------------------------------------------------------------

Result<pipeline::RunState> RunLoop::run_new() {
  machine_.apply(pipeline::input::Start{}, now());
  return run();
}

Result<pipeline::RunState> RunLoop::run_restored(pipeline::ResumeMode mode) {
  machine_.resume(mode, now());
  return run();
}

Result<pipeline::RunState> RunLoop::run() {
  settle();
  if (!done_) loop_.run();
  // Nothing may call back into a loop that is gone.
  if (!attempts_.empty()) runner_.stop();
  if (failed_) return *failed_;
  return machine_.run().state;
}

void RunLoop::fail(Error error) {
  failed_ = std::move(error);
  done_ = true;
  loop_.stop();
}

void RunLoop::turn() {
  std::vector<Message> batch;
  bool more = false;
  {
    std::scoped_lock lock(mutex_);
    while (!inbox_.empty() && batch.size() < kMaximumInputs) {
      batch.push_back(std::move(inbox_.front()));
      inbox_.pop_front();
    }
    more = !inbox_.empty();
    woken_ = more;
  }
  if (more) loop_.post([this] { turn(); });
  if (done_) return;
  for (Message& message : batch)
    handle(std::move(message));
  settle();
}

void RunLoop::handle(Message message) {
  std::visit(overloaded{[&](Finished& one) { handle_finished(std::move(one)); },
                        [&](Started& one) {
                          const auto found = attempts_.find({one.id.step.str(), one.id.attempt});
                          if (found == attempts_.end()) return;
                          Attempt& attempt = found->second;
                          if (const auto& timeout = machine_.view(attempt.instance).step->timeout) {
                            attempt.timer =
                                loop_.after(*timeout, [this, instance = attempt.instance, number = attempt.number] {
                                  post(pipeline::Input(pipeline::input::TimedOut{instance, number}), false);
                                });
                          }
                          json::object line = live("attempt.started", one.id);
                          if (one.pid) line["pid"] = *one.pid;
                          publish(line);
                        },
                        [&](LookedUp& one) { handle_looked_up(std::move(one)); },
                        [&](const Cancel& one) {
                          machine_.apply(pipeline::input::CancelRequested{}, now());
                          if (one.at_once) machine_.apply(pipeline::input::CancelRequested{}, now());
                        },
                        [&](const pipeline::Input& one) { machine_.apply(one, now()); },
                        [&](const json::object& line) { publish(line); }},
             message);
}

void RunLoop::handle_finished(Finished message) {
  const auto found = attempts_.find({message.id.step.str(), message.id.attempt});
  if (found == attempts_.end()) return;
  const Attempt attempt = found->second;
  loop_.cancel(attempt.timer);
  attempts_.erase(found);
  const auto keyed = keyed_.find(attempt.instance);
  const bool succeeded = message.result.succeeded;
  const pipeline::FailureClass failure_class = message.result.error.failure_class;
  auto result = to_step_result(message.result, keyed != keyed_.end() ? keyed->second.info : json::object());
  if (succeeded) observed_[attempt.instance] = std::move(message.result.observed);
  machine_.apply(pipeline::input::AttemptFinished{attempt.instance, attempt.number, succeeded, failure_class,
                                                  std::move(result), options_.random()},
                 now());
}

void RunLoop::settle() {
  do {
    std::vector<pipeline::Command> later;
    for (auto commands = machine_.take_commands(); !commands.empty(); commands = machine_.take_commands()) {
      for (const pipeline::Command& command : commands)
        answer(command, later);
    }
    if (auto written = write(); !written) {
      fail(std::move(written).error());
      return;
    }
    for (const pipeline::Command& command : later)
      carry_out(command);
    // What waited for another instance's result looks again, now that it is written.
    for (const InstanceId instance : std::exchange(look_again_, {}))
      look_up(instance);
  } while (machine_.has_work() && !done_);
}

// What is pure, or only reads, belongs to the same transaction; the rest waits until it is written.
void RunLoop::answer(const pipeline::Command& command, std::vector<pipeline::Command>& later) {
  std::visit(overloaded{[&](const pipeline::command::Evaluate& one) {
                          machine_.apply(values_.evaluate(machine_, one.instance), now());
                        },
                        [&](const pipeline::command::DecideRepeat& one) {
                          machine_.apply(values_.decide_repeat(machine_, one.iteration), now());
                        },
                        [&](const pipeline::command::EvaluateOutputs& one) {
                          machine_.apply(values_.evaluate_outputs(machine_, one.frame), now());
                        },
                        [&](const pipeline::command::LookUpCache& one) { look_up(one.instance); },
                        [&](const auto& one) { later.push_back(one); }},
             command);
}

void RunLoop::look_up(InstanceId instance) {
  const pipeline::ResolvedStep* step = values_.resolved(instance);
  if (step == nullptr || is_terminal(machine_.view(instance).state)) return;
  const StepCache::Query query{context_->run, epoch_, context_->pipeline, machine_.path(instance), *step};
  if (!cache_.is_slow(*step)) {
    handle_looked_up({instance, cache_.look_up(query)});
    return;
  }
  if (lookups_ == nullptr) {
    lookups_ = std::make_unique<runtime::BoundedQueue<std::function<void()>>>(kMaximumQueuedLookups);
    lookup_thread_ = std::thread([this] {
      while (auto work = lookups_->pop()) {
        if (!lookup_stop_.stop_requested()) (*work)();
      }
    });
  }
  lookups_->push(
      [this, instance, query] { post(LookedUp{instance, cache_.look_up(query, lookup_stop_.get_token())}, false); });
}

void RunLoop::handle_looked_up(LookedUp message) {
  StepCache::Answer& answer = message.answer;
  if (is_terminal(machine_.view(message.instance).state)) return;
  if (answer.hit != nullptr) {
    machine_.apply(pipeline::input::CacheHit{message.instance, std::move(answer.hit)}, now());
    return;
  }
  if (answer.key) {
    const auto [maker, first] = makers_.try_emplace(answer.key->digest, message.instance);
    if (!first && maker->second != message.instance) {
      waiters_[answer.key->digest].push_back(message.instance);
      return;
    }
  }
  keyed_[message.instance] = std::move(answer);
  machine_.apply(pipeline::input::CacheMiss{message.instance}, now());
}

Result<void> RunLoop::write() {
  pipeline::Changes changes = machine_.take_changes();
  if (changes.empty()) return {};
  metadata::Batch batch;
  batch.steps.reserve(changes.steps.size());
  batch.events.reserve(changes.events.size());
  for (std::size_t i = 0; i < changes.steps.size(); ++i) {
    const pipeline::StepRow& row = changes.steps[i];
    batch.steps.push_back(to_store(row, row.attempt > 0 ? attempt_folder(row.path, row.attempt) : ""));
    if (row.state == pipeline::StepState::succeeded && row.kind == pipeline::InstanceKind::leaf && !row.cached) {
      for (auto& artifact : artifact_rows(row, context_->run, context_->pipeline, options_.clock->wall_now())) {
        batch.artifacts.push_back(std::move(artifact));
      }
      add_cache_entry(row, changes.step_instances[i], batch);
    }
  }
  for (const pipeline::AttemptRow& row : changes.attempts)
    batch.attempts.push_back(to_store(row, attempt_folder(row.path, row.attempt)));
  for (const pipeline::RunEvent& event : changes.events) {
    batch.events.push_back(to_store(event, context_->run));
    if (event.type != pipeline::RunEventType::step_succeeded) continue;
    if (auto not_kept = not_kept_.extract(event.step.str()))
      batch.events.back().payload.as_object()["cache"] = std::move(not_kept.mapped());
  }
  if (changes.run) batch.run = to_update(*changes.run);
  if (is_terminal(machine_.run().state)) batch.durability = metadata::Durability::power_loss;
  std::vector<json::value> lines;
  lines.reserve(batch.events.size());
  for (const metadata::EventRow& event : batch.events)
    lines.push_back(event.payload);
  TRY(store_.commit(context_->run, epoch_, std::move(batch)));
  for (const json::value& line : lines)
    publish(line.get_object());
  for (std::size_t i = 0; i < changes.steps.size(); ++i) {
    if (is_terminal(changes.steps[i].state)) instance_ended(changes.step_instances[i]);
  }
  return {};
}

void RunLoop::add_cache_entry(const pipeline::StepRow& row, InstanceId instance, metadata::Batch& batch) {
  const auto keyed = keyed_.find(instance);
  const pipeline::ResolvedStep* step = values_.resolved(instance);
  if (keyed == keyed_.end() || !keyed->second.key || step == nullptr || row.result == nullptr) return;
  const StepCache::Query query{context_->run, epoch_, context_->pipeline, row.path, *step};
  json::object info = row.result->cache;
  auto entry = cache_.entry(query, keyed->second, *row.result, observed_[instance], row.attempt, info);
  if (info.contains("note")) not_kept_[row.path.str()] = info;
  batch.steps.back().cache = std::move(info);
  if (entry) batch.cache_entries.push_back(std::move(*entry));
}

void RunLoop::instance_ended(InstanceId instance) {
  values_.release(machine_, instance);
  observed_.erase(instance);
  const auto keyed = keyed_.find(instance);
  if (keyed == keyed_.end()) return;
  if (keyed->second.key) {
    const std::string& key = keyed->second.key->digest;
    if (const auto maker = makers_.find(key); maker != makers_.end() && maker->second == instance) makers_.erase(maker);
    if (auto waiting = waiters_.extract(key); !waiting.empty()) {
      look_again_.insert(look_again_.end(), waiting.mapped().begin(), waiting.mapped().end());
    }
  }
  keyed_.erase(keyed);
}

void RunLoop::carry_out(const pipeline::Command& command) {
  std::visit(overloaded{[&](const pipeline::command::Dispatch& one) { dispatch(one.instance, one.attempt); },
                        [&](const pipeline::command::ScheduleRetry& one) {
                          later_input(one.delay, pipeline::input::RetryDue{one.instance});
                        },
                        [&](const pipeline::command::CancelAttempt& one) {
                          const AttemptId id{context_->run, machine_.path(one.instance), one.attempt};
                          runner_.cancel(id, one.at_once ? std::chrono::milliseconds(0) : context_->grace);
                        },
                        [&](const pipeline::command::FrameOpened& one) { open_frame(one); },
                        [&](const pipeline::command::FinishRun&) {
                          done_ = true;
                          loop_.stop();
                        },
                        [](const auto&) {}},
             command);
}

std::string RunLoop::attempt_folder(const StepPath& path, int attempt) const {
  return fmt::format("{}/{}/{}", attempts_folder_, path.str(), attempt);
}

void RunLoop::dispatch(InstanceId instance, int attempt) {
  const pipeline::ResolvedStep* resolved = values_.resolved(instance);
  AttemptSpec spec;
  spec.id = {context_->run, machine_.path(instance), attempt};
  spec.run = context_;
  spec.step = resolved->step;
  spec.inputs = resolved->inputs;
  spec.environment = resolved->step->environment;
  spec.secrets = resolved->step->secrets;
  spec.attempt_folder = attempt_folder(spec.id.step, attempt);
  spec.artifacts_folder = context_->store / "artifacts" / context_->pipeline.str() / context_->run.str() /
                          spec.id.step.str() / std::to_string(attempt);
  spec.timeout = resolved->step->timeout;
  if (const auto keyed = keyed_.find(instance); keyed != keyed_.end() && keyed->second.key)
    spec.identity = keyed->second.key->digest;
  attempts_[{spec.id.step.str(), attempt}] = {instance, attempt};
  runner_.start(std::move(spec), *this);
}

void RunLoop::later_input(std::chrono::milliseconds delay, pipeline::Input input) {
  loop_.after(delay, [this, input = std::move(input)] { post(input, false); });
}

void RunLoop::open_frame(const pipeline::command::FrameOpened& opened) {
  if (opened.timeout) later_input(*opened.timeout, pipeline::input::FrameTimedOut{opened.frame});
  if (opened.step_timeout)
    later_input(*opened.step_timeout, pipeline::input::TimedOut{machine_.owner_of(opened.frame), 0});
  if ((opened.timeout || opened.step_timeout) && !std::exchange(keeps_time_, true)) keep_time();
}

void RunLoop::keep_time() {
  loop_.after(kKeepTimeInterval, [this] {
    if (done_) return;
    machine_.keep_time(now());
    settle();
    keep_time();
  });
}

}  // namespace stoker::engine
