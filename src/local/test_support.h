// What the tests of the local runner share: a store in a temporary folder, attempts, and a listener that waits for
// their end.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "local/runner.h"
#include "runtime/file.h"

namespace stoker::local {

// Collects events of all attempts; wait() blocks until an attempt has finished (the test's own time limit is the only
// deadline).
class RecordingEvents final : public engine::AttemptEvents {
 public:
  void started(const engine::AttemptId& id, std::optional<std::int64_t> pid) override {
    record([&] { started_[id] = pid; });
  }
  void progress(const engine::AttemptId& id, engine::AttemptProgress progress) override {
    record([&] { progress_[id].push_back(std::move(progress)); });
  }
  void metric(const engine::AttemptId& id, std::string name, double value, std::optional<std::int64_t>) override {
    record([&] { metrics_[id][name] = value; });
  }
  void log_line(const engine::AttemptId&, std::string stream, std::string line) override {
    record([&] { lines_.push_back(stream + ": " + line); });
  }
  void finished(const engine::AttemptId& id, engine::AttemptResult result) override {
    record([&] { EXPECT_TRUE(results_.emplace(id, std::move(result)).second) << "finished twice: " << id.text(); });
  }

  engine::AttemptResult wait(const engine::AttemptId& id) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return results_.contains(id); });
    return results_.at(id);
  }
  std::optional<std::int64_t> wait_started(const engine::AttemptId& id) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return started_.contains(id) || results_.contains(id); });
    return started_[id];
  }
  std::vector<engine::AttemptProgress> progress_of(const engine::AttemptId& id) {
    std::scoped_lock lock(mutex_);
    return progress_[id];
  }
  std::map<std::string, double> metrics_of(const engine::AttemptId& id) {
    std::scoped_lock lock(mutex_);
    return metrics_[id];
  }
  std::vector<std::string> lines() {
    std::scoped_lock lock(mutex_);
    return lines_;
  }
  bool is_finished(const engine::AttemptId& id) {
    std::scoped_lock lock(mutex_);
    return results_.contains(id);
  }

 private:
  template <class Function>
  void record(Function function) {
    std::scoped_lock lock(mutex_);
    function();
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<engine::AttemptId, std::optional<std::int64_t>> started_;
  std::map<engine::AttemptId, engine::AttemptResult> results_;
  std::map<engine::AttemptId, std::vector<engine::AttemptProgress>> progress_;
  std::map<engine::AttemptId, std::map<std::string, double>> metrics_;
  std::vector<std::string> lines_;
};

class LocalRunnerTest : public testing::Test {
 protected:
  LocalRunnerTest() {
    auto context = std::make_shared<engine::RunContext>();
    // Tests run side by side: what one leaves behind is looked for by this name, in all processes of the machine.
    context->run = RunId("20260101-000000-" + std::to_string(::getpid()));
    context->pipeline = PipelineName("pipe");
    context->store = folder_.path() / "store";
    context->project_root = folder_.path() / "project \xc3\xa4";
    context->project = "project";
    context->working_directory = context->project_root;
    context->grace = std::chrono::seconds(5);
    EXPECT_TRUE(runtime::make_directories(context->project_root));
    run_ = context;
    options_.clock = &clock_;
    options_.environment = runtime::current_environment();
  }

  LocalRunner& runner() {
    if (!runner_) runner_ = std::make_unique<LocalRunner>(options_);
    return *runner_;
  }

  engine::AttemptSpec attempt(pipeline::Step step, const std::string& name = "step") {
    engine::AttemptSpec spec;
    step.name = StepName(name);
    spec.id = {run_->run, StepPath(name), 1};
    spec.run = run_;
    spec.attempt_folder = run_->store / "runs" / run_->run.str() / "attempts" / name / "1";
    spec.artifacts_folder = run_->store / "artifacts" / "pipe" / run_->run.str() / name / "1";
    spec.step = std::make_shared<pipeline::Step>(std::move(step));
    return spec;
  }
  engine::AttemptSpec shell(std::string script, std::vector<pipeline::OutputDeclaration> outputs = {},
                            const std::string& name = "step") {
    pipeline::CommandStep command;
    command.script = std::move(script);
    pipeline::Step step;
    step.body = std::move(command);
    step.outputs = std::move(outputs);
    return attempt(std::move(step), name);
  }

  engine::AttemptResult run(engine::AttemptSpec spec) {
    engine::AttemptId id = spec.id;
    runner().start(std::move(spec), events_);
    return events_.wait(id);
  }
  static std::string read(const std::filesystem::path& path) {
    auto text = runtime::read_file(path, 100 * 1024 * 1024);
    return text ? *text : "";
  }

  SystemClock clock_;
  runtime::TemporaryDirectory folder_ = runtime::TemporaryDirectory::make("stoker local ").value();
  std::shared_ptr<engine::RunContext> run_;
  LocalRunnerOptions options_;
  RecordingEvents events_;
  std::unique_ptr<LocalRunner> runner_;  // last: it goes before what it reports to
};

}  // namespace stoker::local
