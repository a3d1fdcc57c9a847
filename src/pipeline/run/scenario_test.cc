// Runs tests/scenarios/*.yaml against the run machine; that folder's README has the format.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/strings.h"
#include "codec/yaml.h"
#include "pipeline/run/run_simulation.h"
#include "pipeline/test_documents.h"

namespace stoker::pipeline::testing {
namespace {

TryOutcome outcome_of(const json::value& written) {
  TryOutcome outcome;
  if (const auto* object = written.if_object()) {
    outcome.typed = object->contains("typed");
    outcome.outputs = outcome.typed ? object->at("typed").as_object() : *object;
    return outcome;
  }
  const std::string text(written.as_string());
  if (text == "hang") {
    outcome.hangs = true;
  } else if (text.starts_with("fail ")) {
    outcome.succeeded = false;
    outcome.failure_class = parse_failure_class(text.substr(5)).value();
  } else if (text != "ok") {
    throw std::runtime_error("unknown outcome: " + text);
  }
  return outcome;
}

Simulation::Options options_of(const json::object& scenario) {
  Simulation::Options options;
  if (const auto* given = scenario.if_contains("options")) {
    for (const auto& [key, value] : given->as_object()) {
      if (key == "slots") options.machine.slots = static_cast<int>(value.as_int64());
      if (key == "failFast") options.machine.fail_fast = value.as_bool();
    }
  }
  if (const auto* parameters = scenario.if_contains("parameters")) options.parameters = parameters->as_object();
  if (const auto* cached = scenario.if_contains("cached")) {
    for (const auto& path : cached->as_array())
      options.cached.insert(std::string(path.as_string()));
  }
  json::object script;
  if (const auto* given = scenario.if_contains("script")) script = given->as_object();
  options.outcome = [script](const std::string& path, int tried) {
    const json::value* tries = script.if_contains(path);
    if (tries == nullptr) return TryOutcome{};
    if (!tries->is_array()) return outcome_of(*tries);
    // The last one holds for all that follow.
    const json::array& list = tries->as_array();
    return outcome_of(list[std::min(static_cast<std::size_t>(tried), list.size() - 1)]);
  };
  return options;
}

Duration duration(const std::string& text) {
  if (text.starts_with('-')) return -duration(text.substr(1));
  return *codec::parse_duration(text);
}

// false: not understood, or nothing to do it to.
bool act(Simulation& simulation, const std::string& action) {
  const std::size_t space = action.find(' ');
  const std::string verb = action.substr(0, space);
  const std::string path = space == std::string::npos ? "" : action.substr(space + 1);
  if (verb == "finish") return simulation.finish(path);
  if (verb == "retry") return simulation.fire_retry(path);
  if (action == "cancel")
    simulation.give(input::CancelRequested{});
  else if (action == "run-timeout")
    simulation.give(input::FrameTimedOut{kMainFrame});
  else if (verb == "timeout")
    simulation.time_out(path);
  else if (verb == "pass")
    simulation.pass(duration(path));
  else if (verb == "down")
    simulation.down(duration(path));
  else if (verb == "jump")
    simulation.jump(duration(path));
  else if (action == "crash")
    simulation.crash();
  else if (action == "again")
    simulation.crash(ResumeMode::again);
  else if (action == "rest")
    simulation.run_to_end();
  else
    return false;
  return true;
}

std::string event_line(const RunEvent& event) {
  std::string line(run_event_name(event.type));
  if (!event.step.empty()) line += " " + event.step.str();
  if (const auto* attempt = event.fields.if_contains("attempt");
      attempt != nullptr && event.type == RunEventType::step_started) {
    line += fmt::format("/{}", attempt->as_int64());
  }
  return line;
}

json::array texts(const std::vector<std::string>& list) {
  json::array result;
  for (const auto& text : list)
    result.emplace_back(text);
  return result;
}

void check(const Simulation& simulation, const std::string& key, const json::value& wanted) {
  const auto same = [&](const json::value& found) {
    EXPECT_EQ(codec::write_json(found), codec::write_json(wanted)) << key;
  };
  json::object found;
  if (key == "state") return same(json::value(run_state_name(simulation.run.state)));
  if (key == "dispatched") return same(texts(simulation.dispatched));
  if (key == "commands") return same(texts(simulation.commands));
  if (key == "mostRunning") return same(json::value(static_cast<std::int64_t>(simulation.most_running)));
  if (key == "duration") return same(simulation.events.back().fields.at("duration_ms").as_int64() / 60'000);
  if (key == "error")
    return same(simulation.run.error != nullptr ? simulation.run.error->at("message") : json::value());
  if (key == "events") {
    json::array lines;
    for (const RunEvent& event : simulation.events)
      lines.emplace_back(event_line(event));
    return same(lines);
  }
  if (key == "outputs") {
    if (simulation.run.outputs != nullptr) {
      for (const auto& [name, record] : *simulation.run.outputs)
        found[name] = record.as_object().at("value");
    }
    return same(found);
  }
  // By path: only those named are compared, but for `steps`, which is all of them.
  if (key == "steps") {
    for (const auto& [path, state] : simulation.states())
      found[path] = state;
    EXPECT_EQ(codec::canonical_json(found), codec::canonical_json(wanted)) << key;
    return;
  }
  for (const auto& [path, value] : wanted.as_object()) {
    const std::string name(path);
    const auto row = simulation.steps.find(name);
    if (row == simulation.steps.end()) {
      ADD_FAILURE() << key << ": no row " << name;
    } else if (key == "reasons") {
      found[path] = row->second.reason;
    } else if (key == "classes") {
      found[path] = row->second.failure_class ? failure_class_name(*row->second.failure_class) : "none";
    } else if (key == "errors") {
      found[path] = row->second.result != nullptr && row->second.result->error.contains("message")
                        ? row->second.result->error.at("message")
                        : json::value();
    } else if (key == "attempts") {
      found[path] = row->second.attempt;
    } else if (key == "words") {
      found[path] = simulation.words.contains(name) ? json::value(texts(simulation.words.at(name))) : json::value();
    } else if (key == "inputs") {
      found[path] = simulation.inputs.contains(name) ? json::value(simulation.inputs.at(name)) : json::value();
    } else {
      ADD_FAILURE() << "unknown expectation " << key;
    }
  }
  same(found);
}

void run_scenario(const json::object& scenario) {
  Simulation simulation(document_of(scenario.at("document").as_object()), options_of(scenario));
  simulation.start();
  json::array actions{"rest"};
  if (const auto* given = scenario.if_contains("do")) actions = given->as_array();
  for (const auto& action : actions) {
    EXPECT_TRUE(act(simulation, std::string(action.as_string()))) << "cannot do: " << action.as_string().c_str();
  }
  for (const auto& [key, wanted] : scenario.at("expect").as_object())
    check(simulation, key, wanted);
  for (const std::string& problem : simulation.problems)
    ADD_FAILURE() << problem;
  // A run that ended left nothing behind.
  if (simulation.ended()) {
    EXPECT_TRUE(simulation.running.empty());
    for (const auto& [path, row] : simulation.steps)
      EXPECT_TRUE(is_terminal(row.state) || (row.state == StepState::waiting && simulation.run.resumes > 0)) << path;
  }
}

// The same scenario with a crash before every input ends in the same states, if nothing in it depends on the moment
// (with fail-fast a lost attempt is not started again).
void run_with_crashes(const json::object& scenario) {
  Simulation whole(document_of(scenario.at("document").as_object()), options_of(scenario));
  whole.start();
  whole.run_to_end();
  for (const int every : {2, 3, 5}) {
    Simulation::Options options = options_of(scenario);
    options.crash_every = every;
    Simulation simulation(document_of(scenario.at("document").as_object()), options);
    simulation.start();
    simulation.run_to_end();
    EXPECT_EQ(simulation.states(), whole.states()) << "crash before every input " << every;
    EXPECT_EQ(simulation.run.state, whole.run.state);
    for (const std::string& problem : simulation.problems)
      ADD_FAILURE() << "crash every " << every << ": " << problem;
  }
}

class ScenarioFile : public ::testing::TestWithParam<std::string> {};

TEST_P(ScenarioFile, Holds) {
  std::ifstream file(GetParam());
  std::stringstream text;
  text << file.rdbuf();
  const codec::LocatedValue parsed = codec::parse_yaml(text.str());
  for (const auto& problem : parsed.problems)
    FAIL() << GetParam() << ":" << problem.mark.line << ": " << problem.message;
  for (const json::value& scenario : parsed.value.as_array()) {
    SCOPED_TRACE(std::string(scenario.at("name").as_string()));
    try {
      run_scenario(scenario.as_object());
      const json::object& object = scenario.as_object();
      if (!object.contains("do") && !options_of(object).machine.fail_fast) run_with_crashes(object);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

std::vector<std::string> scenario_files() {
  std::vector<std::string> files;
  const std::filesystem::path folder = std::filesystem::path(STOKER_TEST_DATA).parent_path() / "scenarios";
  if (std::filesystem::exists(folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
    }
  }
  std::ranges::sort(files);
  return files;
}

std::string file_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = std::filesystem::path(info.param).stem().string();
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Machine, ScenarioFile, ::testing::ValuesIn(scenario_files()), file_name);

}  // namespace
}  // namespace stoker::pipeline::testing
