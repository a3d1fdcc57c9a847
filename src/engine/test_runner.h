// For tests and benchmarks: a runner without processes. Attempts end at once, or when the test says so.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/run_observer.h"
#include "engine/runner.h"

namespace stoker::engine::testing {

inline AttemptResult success(const json::object& values = {}) {
  AttemptResult result;
  result.succeeded = true;
  for (const auto& [name, value] : values)
    result.outputs[name] = json::object{{"value", value}};
  return result;
}

inline AttemptResult failure(pipeline::FailureClass failure_class, std::string message = "failed") {
  AttemptResult result;
  result.error.failure_class = failure_class;
  result.error.message = std::move(message);
  return result;
}

class TestRunner final : public Runner {
 public:
  // What an attempt does; none: it runs until it is cancelled.
  std::function<std::optional<AttemptResult>(const AttemptSpec&)> script = [](const AttemptSpec&) { return success(); };
  std::function<void(const AttemptSpec&)> on_start = [](const AttemptSpec&) {};
  int slot_count = 0;
  // Steps of this name are refused.
  std::string refused;

  std::string name() const override { return "test runner"; }
  Result<void> supports(const pipeline::Step& step) const override {
    if (step.name.str() != refused) return {};
    return Error{.code = ErrorCode::unsupported, .message = "the test runner refuses it"};
  }
  int slots() const override { return slot_count; }
  Result<void> end_lost(std::span<const LostAttempt> attempts) override {
    for (const LostAttempt& one : attempts)
      lost.push_back(one.id.step.str());
    return {};
  }
  void start(AttemptSpec spec, AttemptEvents& events) override {
    const std::string text = spec.id.step.str() + "/" + std::to_string(spec.id.attempt);
    started.push_back(text);
    specs.push_back(spec);
    on_start(spec);
    events.started(spec.id, 1);
    if (auto result = script(spec)) {
      events.finished(spec.id, std::move(*result));
    } else {
      running[spec.id] = &events;
    }
  }
  void cancel(const AttemptId& id, std::chrono::milliseconds grace) override {
    cancelled.emplace_back(id.step.str() + (grace.count() == 0 ? "!" : ""));
    const auto found = running.find(id);
    if (found == running.end()) return;
    AttemptEvents* events = found->second;
    running.erase(found);
    events->finished(id, failure(pipeline::FailureClass::cancelled, "cancelled"));
  }
  void stop() override {
    while (!running.empty())
      cancel(AttemptId(running.begin()->first), std::chrono::milliseconds(0));
  }

  std::vector<std::string> started, cancelled, lost;
  std::vector<AttemptSpec> specs;
  std::map<AttemptId, AttemptEvents*> running;
};

struct Recorder final : RunObserver {
  void on_event(const json::object& line) override {
    lines.push_back(line);
    if (on_line) on_line(line);
  }
  std::vector<std::string> types() const {
    std::vector<std::string> result;
    for (const auto& line : lines) {
      std::string text(line.at("type").as_string());
      if (const auto* step = line.if_contains("step")) text += " " + std::string(step->as_string());
      result.push_back(std::move(text));
    }
    return result;
  }
  std::vector<json::object> lines;
  std::function<void(const json::object&)> on_line;
};

}  // namespace stoker::engine::testing
