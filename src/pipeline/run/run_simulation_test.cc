#include "pipeline/run/run_simulation.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/overloaded.h"
#include "pipeline/test_documents.h"

namespace stoker::pipeline::testing {

Simulation::Simulation(const std::shared_ptr<const Document>& document, Options options)
    : options_(std::move(options)) {
  auto plan = make_run_plan(document);
  if (!plan) {
    ADD_FAILURE() << plan.error().describe();
    std::abort();
  }
  plan_ = *plan;
  run.run = RunId("r");
  run.pipeline = document->main.name;
  run.started_at = now_.wall;
  json::object parameters;
  for (const Parameter& parameter : document->main.parameters) {
    if (parameter.default_value) parameters[parameter.name] = *parameter.default_value;
  }
  for (const auto& [name, value] : options_.parameters)
    parameters[name] = value;
  run.parameters = std::make_shared<const json::object>(std::move(parameters));
  machine_ = std::make_unique<RunMachine>(plan_, options_.machine, run);
  values_ = std::make_unique<RunValues>(plan_, *run.parameters);
}

void Simulation::start() {
  give(input::Start{});
}

void Simulation::give(const Input& input) {
  if (options_.crash_every > 0 && ++inputs_ % options_.crash_every == 0 && run.next_sequence > 1) {
    // The input dies with the engine: what it was about is looked at again after the restart.
    crash();
    return;
  }
  tick(std::chrono::milliseconds(1));
  machine_->apply(input, now_);
  settle();
}

// As the run loop does: answer what is pure, write, then act.
void Simulation::settle() {
  std::vector<Command> later;
  for (std::vector<Command> now = machine_->take_commands(); !now.empty(); now = machine_->take_commands()) {
    for (const Command& command : now) {
      std::visit(
          overloaded{
              [&](const command::Evaluate& c) { machine_->apply(values_->evaluate(*machine_, c.instance), now_); },
              [&](const command::DecideRepeat& c) {
                machine_->apply(values_->decide_repeat(*machine_, c.iteration), now_);
              },
              [&](const command::EvaluateOutputs& c) {
                machine_->apply(values_->evaluate_outputs(*machine_, c.frame), now_);
              },
              [&](const command::LookUpCache& c) {
                const std::string path = machine_->path(c.instance).str();
                if (options_.cached.contains(path)) {
                  machine_->apply(input::CacheHit{c.instance, result_for(path, options_.outcome(path, 0))}, now_);
                } else {
                  machine_->apply(input::CacheMiss{c.instance}, now_);
                }
              },
              [&](const auto& c) { later.push_back(c); }},
          command);
    }
  }
  store(machine_->take_changes());
  for (const Command& command : later)
    carry_out(command);
}

void Simulation::carry_out(const Command& command) {
  std::visit(
      overloaded{[&](const command::Dispatch& c) {
                   const std::string path = machine_->path(c.instance).str();
                   const std::string name = fmt::format("{}/{}", path, c.attempt);
                   if (std::ranges::find(dispatched, name) != dispatched.end()) problem("started twice: " + name);
                   if (!steps.contains(path) || steps[path].state != StepState::running)
                     problem("no intent stored: " + name);
                   if (const ResolvedStep* resolved = values_->resolved(c.instance)) {
                     inputs[path] = resolved->inputs;
                     if (const auto* body = std::get_if<CommandStep>(&resolved->step->body)) words[path] = body->run;
                   } else {
                     problem("not resolved: " + name);
                   }
                   dispatched.push_back(name);
                   running.push_back({path, c.instance, c.attempt, false});
                   most_running = std::max(most_running, running.size());
                 },
                 [&](const command::CancelAttempt& c) {
                   commands.push_back(fmt::format("cancel{} {}/{}", c.at_once ? "!" : "",
                                                  machine_->path(c.instance).str(), c.attempt));
                   for (Running& one : running) {
                     if (one.instance == c.instance && one.attempt == c.attempt) one.cancelled = true;
                   }
                 },
                 [&](const command::ScheduleRetry& c) {
                   commands.push_back(fmt::format("retry {} {}ms", machine_->path(c.instance).str(), c.delay.count()));
                   backing_off_.push_back(c.instance);
                 },
                 [&](const command::FrameOpened& c) {
                   if (c.timeout) due_.push_back({now_.active + *c.timeout, input::FrameTimedOut{c.frame}});
                   if (c.step_timeout) {
                     const InstanceId owner = machine_->owner_of(c.frame);
                     due_.push_back({now_.active + *c.step_timeout, input::TimedOut{owner, 0}});
                   }
                 },
                 [&](const command::FinishRun&) { commands.push_back("finish"); }, [](const auto&) {}},
      command);
}

void Simulation::store(Changes changes) {
  for (std::size_t i = 0; i < changes.steps.size(); ++i) {
    StepRow& row = changes.steps[i];
    const auto before = steps.find(row.path.str());
    const bool reset = std::ranges::any_of(changes.events, [&](const RunEvent& event) {
      return event.type == RunEventType::step_reset && event.step == row.path;
    });
    if (before != steps.end() && is_terminal(before->second.state) && before->second.state != row.state && !reset) {
      problem("an ended step changed: " + row.path.str());
    }
    if (is_terminal(row.state)) values_->release(*machine_, changes.step_instances[i]);
    steps[row.path.str()] = row;
  }
  for (const AttemptRow& row : changes.attempts)
    attempts[{row.path.str(), row.attempt}] = row;
  for (RunEvent& event : changes.events) {
    if (auto applied = fold_.apply(event); !applied) problem(applied.error().describe());
    events.push_back(std::move(event));
  }
  if (changes.run) run = *changes.run;
  check_fold();
}

void Simulation::check_fold() {
  RunRow folded = fold_.run();
  if (const std::string text = difference(run, folded); !text.empty()) problem("fold: " + text);
  if (fold_.steps().size() != steps.size())
    problem(fmt::format("fold has {} steps, stored are {}", fold_.steps().size(), steps.size()));
  for (const auto& [path, row] : fold_.steps()) {
    if (!steps.contains(path)) {
      problem("fold has " + path);
    } else if (const std::string text = difference(steps[path], row); !text.empty()) {
      problem("fold: " + text);
    }
  }
  for (const auto& [key, row] : fold_.attempts()) {
    if (const std::string text = difference(attempts[key], row); !text.empty()) problem("fold: " + text);
  }
}

void Simulation::crash(ResumeMode mode) {
  std::vector<StepRow> rows;
  for (const auto& [path, row] : steps)
    rows.push_back(row);
  running.clear();
  backing_off_.clear();
  due_.clear();
  now_.active = {};
  auto restored = RunMachine::restore(plan_, options_.machine, run, rows);
  if (!restored) {
    problem("restore: " + restored.error().describe());
    return;
  }
  machine_ = std::make_unique<RunMachine>(std::move(*restored));
  values_ = std::make_unique<RunValues>(plan_, *run.parameters);
  tick(std::chrono::milliseconds(1));
  machine_->resume(mode, now_);
  settle();
}

StepResultPtr Simulation::result_for(const std::string& path, const TryOutcome& outcome) const {
  auto result = std::make_shared<StepResult>();
  if (!outcome.succeeded) {
    result->error = {{"class", failure_class_name(outcome.failure_class)}, {"message", "scripted"}};
    return result;
  }
  for (const auto& [name, value] : outcome.outputs) {
    json::object record{{"value", value}};
    if (outcome.typed) {
      record["artifact"] = json::object{{"uri", path + "/" + std::string(name)}};
      record["typed"] = true;
    }
    result->outputs[name] = std::move(record);
  }
  if (!result->outputs.contains("output")) result->outputs["output"] = json::object{{"value", path}};
  return result;
}

bool Simulation::finish(const std::string& path) {
  const auto found = std::ranges::find_if(running, [&](const Running& one) { return one.path == path; });
  if (found == running.end()) return false;
  const auto [name, instance, attempt, cancelled] = *found;
  const RetriesUsed& used = steps[path].retries_used;
  TryOutcome outcome = options_.outcome(path, std::accumulate(used.begin(), used.end(), 0));
  if (outcome.hangs && !cancelled) return false;
  if (outcome.hangs) {
    outcome.succeeded = false;
    outcome.failure_class = FailureClass::cancelled;
  }
  running.erase(found);
  give(input::AttemptFinished{instance, attempt, outcome.succeeded, outcome.failure_class, result_for(name, outcome),
                              0});
  return true;
}

bool Simulation::finish_next() {
  for (std::size_t i = 0; i < running.size(); ++i) {
    if (finish(std::string(running[i].path))) return true;
  }
  return false;
}

bool Simulation::fire_retry() {
  if (backing_off_.empty()) return false;
  const InstanceId instance = backing_off_.front();
  backing_off_.erase(backing_off_.begin());
  give(input::RetryDue{instance});
  return true;
}

bool Simulation::fire_retry(const std::string& path) {
  const auto found =
      std::ranges::find_if(backing_off_, [&](InstanceId id) { return machine_->path(id).str() == path; });
  if (found == backing_off_.end()) return false;
  std::rotate(backing_off_.begin(), found, found + 1);
  return fire_retry();
}

void Simulation::run_to_end() {
  while (!ended() && (finish_next() || fire_retry())) {
  }
}

void Simulation::tick(Duration time) {
  now_.wall += time;
  now_.active += time;
}

void Simulation::pass(Duration time) {
  tick(time);
  machine_->keep_time(now_);
  settle();
  std::vector<Due> late;
  for (const Due& one : std::exchange(due_, {}))
    (one.at <= now_.active ? late : due_).push_back(one);
  for (const Due& one : late)
    give(one.input);
}

void Simulation::down(Duration time) {
  now_.wall += time;
  crash();
  pass({});
}

void Simulation::time_out(const std::string& path) {
  for (const Running& one : running) {
    if (one.path == path) {
      give(input::TimedOut{one.instance, one.attempt});
      return;
    }
  }
  for (InstanceId id = 0; id < machine_->instance_count(); ++id) {
    if (machine_->path(id).str() == path && machine_->view(id).kind == InstanceKind::pipeline) {
      give(input::TimedOut{id, 0});
      return;
    }
  }
  problem("nothing to time out: " + path);
}

std::map<std::string, std::string> Simulation::states() const {
  std::map<std::string, std::string> result;
  for (const auto& [path, row] : steps)
    result[path] = std::string(step_state_name(row.state)) + (row.cached ? " (cached)" : "");
  return result;
}

}  // namespace stoker::pipeline::testing
