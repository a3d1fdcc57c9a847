#include "engine/engine.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

#include "codec/sha256.h"
#include "engine/run_loop.h"
#include "engine/run_rows.h"
#include "engine/test_runner.h"
#include "metadata/run_lock.h"
#include "metadata/test_store.h"
#include "objects/local_artifact_store.h"
#include "pipeline/run/run_fold.h"
#include "pipeline/test_documents.h"
#include "runtime/channel.h"

namespace stoker::engine {
namespace {

using pipeline::FailureClass;
using pipeline::RunState;
using ::testing::ElementsAre;
using testing::failure;
using testing::Recorder;
using testing::success;
using testing::TestRunner;

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() : store_(metadata::open_store(folder_.path())), artifacts_(folder_.path()) {}

  static json::object document_json(const std::string& text) { return codec::parse_json(text)->as_object(); }

  EngineOptions options() {
    EngineOptions options;
    options.clock = manual_ ? static_cast<const Clock*>(&*manual_) : &clock_;
    options.random = [this] { return std::fmod(random_ += 0.137, 1.0); };
    options.environment = environment_;
    options.load_document = [](const json::value& source,
                               const std::string&) -> Result<std::shared_ptr<const pipeline::Document>> {
      return read(source.as_object());
    };
    return options;
  }

  static std::shared_ptr<const pipeline::Document> read(const json::object& source) {
    auto document = std::make_shared<pipeline::Document>(*pipeline::testing::document_of(source));
    document->source = source;
    document->digest = codec::canonical_json(source);
    for (pipeline::Step& step : document->main.steps)
      step.cache.requested = source.contains("cached");
    return document;
  }

  Result<RunOutcome> run(const std::string& text, json::object parameters = {}) {
    Engine engine(*store_, artifacts_, runner_, options());
    RunRequest request{.document = read(document_json(text)),
                       .parameters = std::move(parameters),
                       .project_root = "/project",
                       .working_directory = "/"};
    return engine.run(std::move(request), recorder_);
  }

  // The stored rows are what the stored events say.
  void expect_rows_are_the_fold(const RunId& id) {
    pipeline::RunFold fold;
    const auto steps = store_->load_steps(id).value();
    EXPECT_EQ(store_->last_event(id).value(), static_cast<std::int64_t>(store_->events(id, 1, 100000)->size()));
    const auto events = store_->events(id, 1, 100000).value();
    for (const auto& stored : events) {
      const json::object& line = stored.payload.as_object();
      pipeline::RunEvent event{stored.seq, stored.time, *pipeline::parse_run_event_type(stored.type), StepPath(), line};
      if (const auto* step = line.if_contains("step")) event.step = StepPath(std::string(step->as_string()));
      const auto applied = fold.apply(event);
      ASSERT_TRUE(applied.ok()) << Result<void>(applied).error().describe();
    }
    EXPECT_EQ(fold.steps().size(), steps.size());
    for (const auto& stored : steps) {
      const auto row = from_store(stored);
      ASSERT_TRUE(row.ok());
      EXPECT_EQ(pipeline::difference(*row, fold.steps().at(stored.path.str())), "");
    }
  }

  std::map<std::string, std::string> states(const RunId& id) {
    std::map<std::string, std::string> result;
    const auto rows = store_->load_steps(id).value();
    for (const auto& row : rows)
      result[row.path.str()] = row.state + (row.cached ? " cached" : "");
    return result;
  }

  metadata::TestFolder folder_;
  SystemClock clock_;
  std::optional<ManualClock> manual_;  // instead, where a test says what the time is
  std::unique_ptr<metadata::Store> store_;
  objects::LocalArtifactStore artifacts_;
  TestRunner runner_;
  Recorder recorder_;
  runtime::Environment environment_;
  double random_ = 0;
};

using States = std::map<std::string, std::string>;

TEST_F(EngineTest, RunsAChainAndTellsItInOrder) {
  runner_.script = [](const AttemptSpec& spec) { return success({{"output", spec.id.step.str() + "!"}}); };
  const auto outcome =
      run(R"({"steps": [{"name": "a"}, {"name": "b", "inputs": {"x": "${{ steps.a.outputs.output }}"}}],
                               "outputs": {"last": "${{ steps.b.outputs.output }}"}})");
  ASSERT_TRUE(outcome.ok()) << outcome.error().describe();
  EXPECT_EQ(outcome->state, RunState::succeeded);
  EXPECT_THAT(runner_.started, ElementsAre("a/1", "b/1"));
  EXPECT_EQ(runner_.specs[1].inputs.at("x"), "a!");
  EXPECT_THAT(recorder_.types(),
              ElementsAre("run.started", "step.ready a", "step.started a", "attempt.started a", "step.succeeded a",
                          "step.ready b", "step.started b", "attempt.started b", "step.succeeded b", "run.finished"));
  const auto row = store_->load_run(outcome->run);
  EXPECT_EQ(row->state, metadata::RunState::succeeded);
  EXPECT_EQ(row->outputs.at("last").at("value"), "b!");
  expect_rows_are_the_fold(outcome->run);
}

TEST_F(EngineTest, WritesTheIntentBeforeItStarts) {
  runner_.on_start = [this](const AttemptSpec& spec) {
    EXPECT_EQ(store_->load_step(spec.id.run, spec.id.step)->state, "running");
    EXPECT_EQ(store_->load_attempts(spec.id.run)->back().state, "running");
  };
  EXPECT_TRUE(run(R"({"steps": [{"name": "a"}, {"name": "b", "needs": ["a"]}]})").ok());
  EXPECT_EQ(runner_.started.size(), 2U);
}

TEST_F(EngineTest, RetriesByTheClock) {
  runner_.script = [](const AttemptSpec& spec) {
    return spec.id.attempt < 3 ? failure(FailureClass::node_lost) : success();
  };
  const auto outcome = run(R"({"steps": [{"name": "a", "retry": {"attempts": 2, "backoff": "5ms"}}]})");
  EXPECT_EQ(outcome->state, RunState::succeeded);
  EXPECT_THAT(runner_.started, ElementsAre("a/1", "a/2", "a/3"));
  expect_rows_are_the_fold(outcome->run);
}

TEST_F(EngineTest, FailsWithTheErrorOfTheStep) {
  runner_.script = [](const AttemptSpec&) { return failure(FailureClass::user_code, "no such column"); };
  const auto outcome = run(R"({"steps": [{"name": "a"}, {"name": "b", "needs": ["a"]}]})");
  EXPECT_EQ(outcome->state, RunState::failed);
  const auto row = store_->load_step(outcome->run, StepPath("a"));
  EXPECT_EQ(row->error_class, "userCode");
  EXPECT_EQ(row->error_message, "no such column");
  EXPECT_EQ(store_->load_step(outcome->run, StepPath("b"))->reason, "a failed");
}

TEST_F(EngineTest, OwnsTheDeadlineOfAStep) {
  runner_.script = [](const AttemptSpec&) { return std::nullopt; };
  const auto outcome = run(R"({"steps": [{"name": "a", "timeout": "20ms"}]})");
  EXPECT_EQ(outcome->state, RunState::failed);
  EXPECT_EQ(store_->load_step(outcome->run, StepPath("a"))->error_class, "timeout");
  EXPECT_THAT(runner_.cancelled, ElementsAre("a"));
}

TEST_F(EngineTest, OwnsTheDeadlineOfTheRun) {
  runner_.script = [](const AttemptSpec& spec) {
    return spec.id.step.str() == "z" ? std::optional(success()) : std::nullopt;
  };
  const auto outcome = run(R"({"timeout": "20ms", "steps": [{"name": "a"}], "finally": [{"name": "z"}]})");
  EXPECT_EQ(outcome->state, RunState::failed);
  EXPECT_EQ(states(outcome->run), (States{{"a", "cancelled"}, {"z", "succeeded"}}));
}

// A run with a timeout of an hour whose engine dies after 40 minutes, when b starts; `in_b` is what happens in b after
// the resume.
class TimeoutTest : public EngineTest {
 protected:
  pipeline::RunState run_and_resume(const std::function<bool()>& in_b) {
    manual_.emplace();
    RunId id;
    runner_.script = [&](const AttemptSpec& spec) -> std::optional<AttemptResult> {
      id = spec.id.run;
      if (spec.id.step.str() == "a") manual_->advance(std::chrono::minutes(40));
      if (spec.id.step.str() == "b") (void)store_->take_over(id, "somebody else");
      return success();
    };
    EXPECT_FALSE(run(R"({"timeout": "1h", "steps": [{"name": "a"}, {"name": "b", "needs": ["a"]}]})").ok());
    manual_->jump_wall(between_);
    runner_.script = [&](const AttemptSpec&) { return in_b() ? std::optional(success()) : std::nullopt; };
    Engine engine(*store_, artifacts_, runner_, options());
    const auto outcome = engine.resume(id, recorder_);
    EXPECT_TRUE(outcome.ok());
    expect_rows_are_the_fold(id);
    return outcome->state;
  }

  std::chrono::hours between_{5};
};

TEST_F(TimeoutTest, TimeWhileNobodyRunsTheRunDoesNotCount) {
  EXPECT_EQ(run_and_resume([&] {
              manual_->advance(std::chrono::minutes(19));
              return true;
            }),
            RunState::succeeded);
  EXPECT_EQ(recorder_.lines.back().at("duration_ms"), std::chrono::milliseconds(std::chrono::minutes(59)).count());
}

TEST_F(TimeoutTest, TimeOfEarlierEnginesCounts) {
  EXPECT_EQ(run_and_resume([&] {
              manual_->advance(std::chrono::minutes(21));
              return false;
            }),
            RunState::failed);
  EXPECT_THAT(runner_.cancelled, ElementsAre("b"));
}

TEST_F(TimeoutTest, AClockThatJumpsAheadEndsNothing) {
  between_ = std::chrono::hours(-9);
  EXPECT_EQ(run_and_resume([&] {
              manual_->jump_wall(std::chrono::hours(48));
              return true;
            }),
            RunState::succeeded);
}

TEST_F(TimeoutTest, AClockThatJumpsBackKeepsNothing) {
  EXPECT_EQ(run_and_resume([&] {
              manual_->jump_wall(std::chrono::hours(-48));
              manual_->advance(std::chrono::minutes(21));
              return false;
            }),
            RunState::failed);
}

TEST_F(EngineTest, KeepsTheTimeThatALongStepTakes) {
  manual_.emplace();
  Engine engine(*store_, artifacts_, runner_, options());
  runner_.script = [](const AttemptSpec&) { return std::nullopt; };
  std::thread other;
  runner_.on_start = [&](const AttemptSpec& spec) {
    manual_->advance(kKeepTimeInterval);
    other = std::thread([&, id = spec.id.run] {
      // Nothing but the time is written while the step runs.
      while (store_->load_run(id)->machine_state.at("active_ms").as_int64() < 10'000)
        std::this_thread::yield();
      engine.cancel(false);
    });
  };
  const auto outcome =
      engine.run({.document = read(document_json(R"({"timeout": "1h", "steps": [{"name": "a"}]})"))}, recorder_);
  other.join();
  EXPECT_EQ(outcome->state, RunState::cancelled);
}

TEST_F(EngineTest, AResumeHoldsToTheTimeoutThatTheRunWasStartedWith) {
  manual_.emplace();
  runner_.script = [](const AttemptSpec&) { return failure(FailureClass::user_code); };
  EngineOptions limited = options();
  limited.timeout = std::chrono::minutes(10);
  const auto failed = Engine(*store_, artifacts_, runner_, limited)
                          .run({.document = read(document_json(R"({"steps": [{"name": "a"}]})"))}, recorder_);
  runner_.script = [&](const AttemptSpec&) {
    manual_->advance(std::chrono::minutes(11));
    return std::nullopt;
  };
  EXPECT_EQ(Engine(*store_, artifacts_, runner_, options()).resume(failed->run, recorder_)->state, RunState::failed);
  EXPECT_THAT(runner_.cancelled, ElementsAre("a"));
}

TEST_F(EngineTest, CancelsInOrderThenAtOnce) {
  Engine engine(*store_, artifacts_, runner_, options());
  runner_.script = [](const AttemptSpec&) { return std::nullopt; };
  int cancels = 0;
  recorder_.on_line = [&](const json::object& line) {
    // The first ends step a; then z starts, and the second ends it.
    if (line.at("type") == "attempt.started") engine.cancel(cancels++ > 0);
  };
  const auto outcome = engine.run(
      {.document = read(document_json(R"({"steps": [{"name": "a"}], "finally": [{"name": "z"}]})"))}, recorder_);
  EXPECT_EQ(outcome->state, RunState::cancelled);
  EXPECT_THAT(runner_.cancelled, ElementsAre("a", "z!"));
}

TEST_F(EngineTest, RefusesWhatTheRunnerCannotDo) {
  runner_.refused = "b";
  const auto outcome = run(R"({"steps": [{"name": "a"}, {"name": "b"}]})");
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().describe(), "step b: the test runner refuses it");
  EXPECT_TRUE(store_->list_runs()->empty());
}

TEST_F(EngineTest, ExpandsAThousandItems) {
  json::array items;
  for (int i = 0; i < 1000; ++i)
    items.emplace_back(i);
  runner_.slot_count = 8;
  runner_.script = [](const AttemptSpec& spec) {
    return spec.inputs.contains("x") ? success({{"output", spec.inputs.at("x").as_int64() * 2}}) : success();
  };
  const auto outcome =
      run(R"({"steps": [{"name": "f", "foreach": "${{ parameters.grid }}", "inputs": {"x": "${{ item }}"}},
                                         {"name": "g", "inputs": {"all": "${{ steps.f.outputs.output }}"}}],
                               "parameters": {"grid": {}}})",
          {{"grid", items}});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(runner_.specs.back().inputs.at("all").as_array().size(), 1000U);
  EXPECT_EQ(runner_.specs.back().inputs.at("all").as_array()[999], 1998);
  expect_rows_are_the_fold(outcome->run);
}

TEST_F(EngineTest, ResumesWhatADeadEngineLeft) {
  // An engine whose writes are fenced off in the middle is as good as dead.
  RunId id;
  runner_.script = [&](const AttemptSpec& spec) -> std::optional<AttemptResult> {
    id = spec.id.run;
    if (spec.id.step.str() == "b") (void)store_->take_over(id, "somebody else");
    return success({{"output", 1}});
  };
  const std::string text =
      R"({"steps": [{"name": "a"}, {"name": "b", "needs": ["a"]}, {"name": "c", "inputs": {"x": "${{ steps.b.outputs.output }}"}}]})";
  const auto broken = run(text);
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, ErrorCode::conflict);
  EXPECT_EQ(states(id), (States{{"a", "succeeded"}, {"b", "running"}}));

  runner_.script = [](const AttemptSpec&) { return success({{"output", 1}}); };
  runner_.started.clear();
  Engine engine(*store_, artifacts_, runner_, options());
  const auto outcome = engine.resume(id, recorder_);
  ASSERT_TRUE(outcome.ok()) << outcome.error().describe();
  EXPECT_EQ(outcome->state, RunState::succeeded);
  EXPECT_THAT(runner_.lost, ElementsAre("b"));
  EXPECT_THAT(runner_.started, ElementsAre("b/2", "c/1"));
  expect_rows_are_the_fold(id);
  EXPECT_EQ(engine.resume(id, recorder_).error().code, ErrorCode::already_exists);
}

TEST_F(EngineTest, ResumesAFailedRun) {
  runner_.script = [](const AttemptSpec& spec) {
    return spec.id.step.str() == "b" ? failure(FailureClass::user_code) : success();
  };
  const auto failed =
      run(R"({"steps": [{"name": "a"}, {"name": "b", "needs": ["a"]}, {"name": "c", "needs": ["b"]}]})");
  EXPECT_EQ(failed->state, RunState::failed);
  runner_.script = [](const AttemptSpec&) { return success(); };
  runner_.started.clear();
  Engine engine(*store_, artifacts_, runner_, options());
  EXPECT_EQ(engine.resume(failed->run, recorder_)->state, RunState::succeeded);
  EXPECT_THAT(runner_.started, ElementsAre("b/2", "c/1"));
  EXPECT_FALSE(store_->load_run(failed->run)->outputs.is_object());
  expect_rows_are_the_fold(failed->run);
}

TEST_F(EngineTest, HasOneEnginePerRun) {
  RunId id;
  runner_.script = [&](const AttemptSpec& spec) -> std::optional<AttemptResult> {
    Recorder other;
    EXPECT_EQ(Engine(*store_, artifacts_, runner_, options()).resume(spec.id.run, other).error().code,
              ErrorCode::conflict);
    return success();
  };
  EXPECT_TRUE(run(R"({"steps": [{"name": "a"}]})").ok());
}

constexpr const char* kCachedChain =
    R"({"cached": true, "steps": [{"name": "a", "command": ["make", "${{ parameters.x }}"]}, {"name": "b", "inputs": {"x": "${{ steps.a.outputs.output }}"}}],
        "parameters": {"x": {}}})";

TEST_F(EngineTest, TakesFromTheCacheWhatIsTheSame) {
  runner_.script = [](const AttemptSpec& spec) { return success({{"output", spec.id.step.str()}}); };
  const auto first = run(kCachedChain, {{"x", "1"}});
  EXPECT_EQ(runner_.started.size(), 2U);
  EXPECT_FALSE(runner_.specs[0].identity.empty());
  EXPECT_EQ(store_->load_step(first->run, StepPath("a"))->cache.at("why"), "it has not run before");
  const auto second = run(kCachedChain, {{"x", "1"}});
  EXPECT_EQ(runner_.started.size(), 2U);
  EXPECT_EQ(states(second->run), (States{{"a", "succeeded cached"}, {"b", "succeeded cached"}}));
  EXPECT_EQ(store_->load_step(second->run, StepPath("a"))->cache.at("why").as_string(),
            "as in run " + first->run.str());
  const auto third = run(kCachedChain, {{"x", "2"}});
  // a is run again; what it gives is the same, so b is not.
  EXPECT_EQ(states(third->run), (States{{"a", "succeeded"}, {"b", "succeeded cached"}}));
  EXPECT_EQ(store_->load_step(third->run, StepPath("a"))->cache.at("why"),
            R"(command run: ["make","1"] -> ["make","2"])");
  expect_rows_are_the_fold(second->run);
}

TEST_F(EngineTest, LooksAtWhatAStepWasSeenToRead) {
  const std::string helper = (folder_.path() / "helper.py").string();
  const auto write = [&](const std::string& text) { std::ofstream(helper) << text; };
  write("one");
  auto digest = [&] { return "sha256:" + runtime::hash_file(helper)->hex; };
  runner_.script = [&](const AttemptSpec&) {
    AttemptResult result = success({{"output", 1}});
    result.observed.files.push_back({helper, digest(), "module"});
    return result;
  };
  const std::string text = R"({"cached": true, "steps": [{"name": "a"}]})";
  EXPECT_TRUE(run(text).ok());
  EXPECT_EQ(states(run(text)->run).at("a"), "succeeded cached");
  write("two!");
  const auto changed = run(text);
  EXPECT_EQ(states(changed->run).at("a"), "succeeded");
  EXPECT_EQ(store_->load_step(changed->run, StepPath("a"))->cache.at("why").as_string(), helper + " changed");
  write("one");
  EXPECT_EQ(states(run(text)->run).at("a"), "succeeded cached");
}

TEST_F(EngineTest, LooksAtTheEnvironmentThatAStepWasSeenToRead) {
  runner_.script = [&](const AttemptSpec&) {
    AttemptResult result = success({{"output", 1}});
    const auto mode = environment_.find("MODE");
    result.observed.environment["MODE"] =
        mode == environment_.end() ? std::nullopt : std::optional("sha256:" + codec::sha256_hex(mode->second));
    if (environment_.contains("ALL")) result.observed.environment[std::string(kAllVariables)] = std::nullopt;
    return result;
  };
  const std::string text = R"({"cached": true, "steps": [{"name": "a"}]})";
  struct Case {
    runtime::Environment environment;
    std::string why;  // a miss; empty: a hit
  };
  const Case cases[] = {{{}, "it has not run before"},
                        {{}, ""},
                        {{{"OTHER", "x"}}, ""},
                        {{{"MODE", "secret value"}}, "environment variable MODE is set now"},
                        {{{"MODE", "secret value"}, {"OTHER", "y"}}, ""},
                        {{}, ""},
                        {{{"MODE", "c"}, {"ALL", "1"}}, "environment variable MODE changed"},
                        {{{"MODE", "c"}, {"ALL", "2"}}, ""},
                        {{{"MODE", "c"}, {"ALL", "1"}, {"NEW", "1"}}, "the list of environment variables changed"}};
  for (const Case& each : cases) {
    environment_ = each.environment;
    const auto outcome = run(text);
    ASSERT_TRUE(outcome.ok());
    const auto row = store_->load_step(outcome->run, StepPath("a"));
    EXPECT_EQ(row->cached, each.why.empty()) << codec::canonical_json(row->cache);
    if (!each.why.empty()) {
      EXPECT_EQ(row->cache.at("why").as_string(), each.why);
    }
  }
  const auto entries = store_->list_cached({});
  ASSERT_TRUE(entries.ok());
  for (const auto& entry : *entries)
    EXPECT_EQ(codec::canonical_json(entry.observed).find("secret value"), std::string::npos);
}

TEST_F(EngineTest, MissesWhenAnArtifactWasDeleted) {
  runner_.script = [](const AttemptSpec& spec) {
    AttemptResult result = success();
    const auto uri = spec.artifacts_folder / "model";
    result.outputs["model"] = json::object{{"artifact",
                                            {{"uri", uri.string()},
                                             {"type", "model"},
                                             {"class", "c"},
                                             {"digest", "sha256:1"},
                                             {"identity", "i"},
                                             {"bytes", 1}}}};
    return result;
  };
  const std::string text = R"({"cached": true, "steps": [{"name": "a"}]})";
  EXPECT_TRUE(run(text).ok());
  const auto again = run(text);
  EXPECT_EQ(states(again->run).at("a"), "succeeded");
  EXPECT_EQ(store_->load_step(again->run, StepPath("a"))->cache.at("why"), "its output model was deleted");
  EXPECT_EQ(store_->list_artifacts()->size(), 2U);
}

TEST_F(EngineTest, RunsEqualStepsOnce) {
  runner_.script = [](const AttemptSpec&) { return success({{"output", 1}}); };
  const auto outcome =
      run(R"({"cached": true, "steps": [{"name": "a", "foreach": [1, 1, 1, 2], "inputs": {"x": "${{ item }}"}}]})");
  EXPECT_EQ(outcome->state, RunState::succeeded);
  EXPECT_THAT(runner_.started, ElementsAre("a[0]/1", "a[3]/1"));
  EXPECT_EQ(states(outcome->run).at("a[1]"), "succeeded cached");
}

TEST_F(EngineTest, AnEqualStepThatWaitedRunsWhenTheFirstFails) {
  runner_.script = [](const AttemptSpec& spec) {
    return spec.id.step.str() == "a[0]" ? failure(FailureClass::user_code) : success();
  };
  const auto outcome = run(R"({"cached": true, "steps": [{"name": "a", "foreach": [1, 1, 1]}]})");
  EXPECT_EQ(outcome->state, RunState::failed);
  EXPECT_EQ(states(outcome->run),
            (States{{"a", "failed"}, {"a[0]", "failed"}, {"a[1]", "succeeded"}, {"a[2]", "succeeded cached"}}));
}

TEST_F(EngineTest, IsFollowedAndCancelledThroughItsSocket) {
  runner_.script = [](const AttemptSpec&) { return std::nullopt; };
  std::vector<std::string> followed;
  std::thread client;
  runner_.on_start = [&](const AttemptSpec& spec) {
    client = std::thread([&, run = spec.id.run] {
      auto socket = runtime::connect_unix(metadata::run_folder(folder_.path(), run) / "engine.sock");
      ASSERT_TRUE(socket.ok());
      runtime::Channel channel(std::move(*socket), std::size_t{1} << 20);
      const runtime::Context context{.deadline = runtime::Deadline::after(clock_, std::chrono::seconds(20))};
      EXPECT_TRUE(channel.send(json::object{{"op", "follow"}}, context, clock_).ok());
      EXPECT_EQ(channel.receive(context, clock_)->at("seq"), 3);
      EXPECT_TRUE(channel.send(json::object{{"op", "shout"}}, context, clock_).ok());
      EXPECT_TRUE(channel.send(json::object{{"op", "cancel"}, {"at_once", false}}, context, clock_).ok());
      while (true) {
        auto message = channel.receive(context, clock_);
        if (!message) break;
        if (const auto* event = message->as_object().if_contains("event"))
          followed.emplace_back(event->at("type").as_string());
      }
    });
  };
  const auto outcome = run(R"({"steps": [{"name": "a"}]})");
  client.join();
  EXPECT_EQ(outcome->state, RunState::cancelled);
  followed.erase(std::remove(followed.begin(), followed.end(), "attempt.started"), followed.end());
  EXPECT_THAT(followed, ElementsAre("run.stopping", "step.cancelled", "run.finished"));
  EXPECT_FALSE(std::filesystem::exists(metadata::run_folder(folder_.path(), outcome->run) / "engine.sock"));
}

TEST_F(EngineTest, HonoursACancelThatWasAskedForMeanwhile) {
  RunId id;
  runner_.script = [&](const AttemptSpec& spec) -> std::optional<AttemptResult> {
    id = spec.id.run;
    (void)store_->take_over(id, "somebody else");
    return success();
  };
  ASSERT_FALSE(run(R"({"steps": [{"name": "a"}, {"name": "b", "needs": ["a"]}]})").ok());
  EXPECT_TRUE(store_->request_cancel(id, clock_.wall_now()).value());
  runner_.script = [](const AttemptSpec&) { return std::nullopt; };
  Engine engine(*store_, artifacts_, runner_, options());
  EXPECT_EQ(engine.resume(id, recorder_)->state, RunState::cancelled);
}

TEST_F(EngineTest, RunIdsTellTheTime) {
  double fraction = 0;
  const RunId id = make_run_id(metadata::kNow, [&] { return fraction += 0.1; });
  EXPECT_EQ(id.str(), "20260101-000000-dgjm");
}

}  // namespace
}  // namespace stoker::engine
