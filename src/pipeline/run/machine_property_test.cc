// Random documents, random outcomes, random crashes, cancels and timeouts: what must hold for every run. STOKER_SEED
// replays one seed, STOKER_SEEDS says how many.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "codec/sha256.h"
#include "pipeline/run/run_simulation.h"
#include "pipeline/test_documents.h"

namespace stoker::pipeline::testing {
namespace {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  bool chance(int percent) { return pick(100) < percent; }
  int pick(int below) { return static_cast<int>(random_() % static_cast<std::uint64_t>(below)); }

  json::object document() {
    json::object document = pipeline(3);
    json::object& pipelines = document["pipelines"].emplace_object();
    // Depth 1 pipelines are leaves, depth 2 may use them.
    pipelines["p1"] = pipeline(1);
    pipelines["p2"] = pipeline(2);
    if (chance(30)) document["timeout"] = "1h";
    return document;
  }

 private:
  json::object pipeline(int level) {
    json::object object;
    json::array steps;
    const int count = 1 + pick(level == 3 ? 9 : 4);
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) {
      steps.push_back(step(fmt::format("s{}", i), names, level, false));
      names.push_back(fmt::format("s{}", i));
    }
    object["outputs"].emplace_object()["out"] = fmt::format("${{{{ steps.s{}.outputs.output }}}}", pick(count));
    object["steps"] = std::move(steps);
    if (chance(30)) object["parallelism"] = 1 + pick(3);
    if (chance(40)) {
      json::array finally;
      std::vector<std::string> own;
      for (int i = 0; i < 1 + pick(2); ++i) {
        finally.push_back(step(fmt::format("z{}", i), own, level, true));
        own.push_back(fmt::format("z{}", i));
      }
      object["finally"] = std::move(finally);
    }
    return object;
  }

  json::object step(const std::string& name, const std::vector<std::string>& before, int level, bool finally) {
    json::object object{{"name", name}};
    json::object inputs;
    json::array needs;
    std::string soft;
    for (const std::string& other : before) {
      const int kind = pick(8);
      if (kind == 0) needs.emplace_back(other);
      if (kind == 1) inputs["v_" + other] = fmt::format("${{{{ steps.{}.outputs.output }}}}", other);
      if (kind == 2) soft += fmt::format("steps.{}.outputs.output, ", other);
    }
    if (!soft.empty()) inputs["soft"] = fmt::format("${{{{ one_of({}'none') }}}}", soft);
    if (finally) inputs["state"] = "${{ run.state }}";
    if (!needs.empty()) object["needs"] = std::move(needs);
    if (chance(15)) object["when"] = chance(50) ? "${{ 1 > 2 }}" : "${{ 2 > 1 }}";
    if (level > 1 && chance(20)) object["pipeline"] = level == 3 && chance(50) ? "p2" : "p1";
    if (chance(20)) {
      json::array items;
      for (int i = pick(4); i > 0; --i)
        items.emplace_back(i);
      object["foreach"] = json::object{{"items", items}};
      if (chance(50)) object["foreach"].as_object()["parallelism"] = 1 + pick(2);
      inputs["item"] = "${{ item }}";
    }
    if (chance(10)) {
      object["repeat"] = json::object{{"until", fmt::format("${{{{ iteration >= {} }}}}", 1 + pick(4))}, {"atMost", 3}};
    }
    if (chance(30)) object["retry"] = 1 + pick(2);
    if (chance(15)) object["continueOnFailure"] = true;
    if (chance(50)) object["cache"] = false;
    object["inputs"] = std::move(inputs);
    return object;
  }

  std::mt19937_64 random_;
};

// Deterministic per path and try, whatever the order of things.
std::uint64_t hash_of(std::uint64_t seed, const std::string& path, int tried) {
  return std::stoull(codec::sha256_hex(fmt::format("{} {} {}", seed, path, tried)).substr(0, 15), nullptr, 16);
}

Simulation::Options options_of(std::uint64_t seed) {
  Simulation::Options options;
  options.machine.slots = static_cast<int>(seed % 5);
  options.outcome = [seed](const std::string& path, int tried) {
    TryOutcome outcome;
    const std::uint64_t hash = hash_of(seed, path, tried);
    outcome.succeeded = hash % 100 >= 20;
    outcome.failure_class = hash % 3 == 0 ? FailureClass::node_lost : FailureClass::user_code;
    outcome.outputs["output"] = static_cast<std::int64_t>(hash % 10);
    return outcome;
  };
  return options;
}

void expect_sound(const Simulation& simulation) {
  EXPECT_TRUE(simulation.ended()) << "the run is stuck";
  EXPECT_TRUE(simulation.running.empty());
  for (const std::string& problem : simulation.problems)
    ADD_FAILURE() << problem;
  for (const auto& [path, row] : simulation.steps)
    EXPECT_TRUE(is_terminal(row.state) || (row.state == StepState::waiting && simulation.run.resumes > 0)) << path;
  for (const auto& [key, row] : simulation.attempts)
    EXPECT_NE(row.state, AttemptState::running) << key.first;
  bool failed = false;
  for (const auto& [path, row] : simulation.steps)
    failed = failed || (path.find_first_of("/[#") == std::string::npos && row.state == StepState::failed);
  if (!failed && simulation.run.stop_reason == StopReason::none && simulation.run.error == nullptr) {
    EXPECT_NE(simulation.run.state, RunState::failed);
  }
}

template <class Check>
void for_seeds(int count, const Check& check) {
  const char* one = std::getenv("STOKER_SEED");    // NOLINT(concurrency-mt-unsafe): nothing sets variables here
  const char* many = std::getenv("STOKER_SEEDS");  // NOLINT(concurrency-mt-unsafe)
  if (many != nullptr) count = std::atoi(many);
  const std::uint64_t first = one != nullptr ? std::strtoull(one, nullptr, 10) : 1;
  for (std::uint64_t seed = first; seed < first + static_cast<std::uint64_t>(one != nullptr ? 1 : count); ++seed) {
    SCOPED_TRACE(fmt::format("STOKER_SEED={}", seed));
    Generator generator(seed);
    const json::object written = generator.document();
    check(seed, document_of(written), generator);
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << codec::write_json_pretty(written);
      return;
    }
  }
}

TEST(MachineProperty, EveryRunEndsAndIsSound) {
  for_seeds(150, [](std::uint64_t seed, const std::shared_ptr<const Document>& document, Generator&) {
    Simulation simulation(document, options_of(seed));
    simulation.start();
    simulation.run_to_end();
    expect_sound(simulation);
    const std::size_t slots = seed % 5;
    EXPECT_TRUE(slots == 0 || simulation.most_running <= slots);
  });
}

TEST(MachineProperty, CrashesChangeNoEnd) {
  for_seeds(60, [](std::uint64_t seed, const std::shared_ptr<const Document>& document, Generator&) {
    Simulation whole(document, options_of(seed));
    whole.start();
    whole.run_to_end();
    for (const int every : {2, 3, 7}) {
      Simulation::Options options = options_of(seed);
      options.crash_every = every;
      Simulation simulation(document, options);
      simulation.start();
      simulation.run_to_end();
      expect_sound(simulation);
      EXPECT_EQ(simulation.states(), whole.states()) << "crash every " << every;
      EXPECT_EQ(simulation.run.state, whole.run.state);
    }
  });
}

TEST(MachineProperty, StopsAtAnyMomentEndTheRun) {
  for_seeds(150, [](std::uint64_t seed, const std::shared_ptr<const Document>& document, Generator& generator) {
    Simulation::Options options = options_of(seed);
    options.machine.fail_fast = generator.chance(30);
    Simulation simulation(document, options);
    simulation.start();
    for (int i = 0; i < 200 && !simulation.ended(); ++i) {
      const int what = generator.pick(20);
      if (what == 0) simulation.give(input::CancelRequested{});
      if (what == 1) simulation.give(input::FrameTimedOut{kMainFrame});
      if (what == 2) simulation.crash();
      if (what == 3 && !simulation.running.empty()) simulation.time_out(simulation.running.front().path);
      if (what > 3 && !simulation.finish_next()) simulation.fire_retry();
    }
    simulation.run_to_end();
    expect_sound(simulation);
  });
}

TEST(MachineProperty, ResumedRunsEndAndKeepWhatSucceeded) {
  for_seeds(60, [](std::uint64_t seed, const std::shared_ptr<const Document>& document, Generator& generator) {
    Simulation::Options options = options_of(seed);
    Simulation simulation(document, options);
    simulation.start();
    for (int i = generator.pick(10); i > 0; --i)
      simulation.finish_next();
    if (generator.chance(50)) simulation.give(input::CancelRequested{});
    simulation.run_to_end();
    expect_sound(simulation);
    const auto first = simulation.states();
    const std::size_t dispatched = simulation.dispatched.size();
    simulation.crash(ResumeMode::again);
    simulation.run_to_end();
    expect_sound(simulation);
    for (std::size_t i = dispatched; i < simulation.dispatched.size(); ++i) {
      const std::string path = simulation.dispatched[i].substr(0, simulation.dispatched[i].rfind('/'));
      const bool finally = path.front() == 'z' || path.find("/z") != std::string::npos;
      EXPECT_TRUE(finally || !first.contains(path) || !first.at(path).starts_with("succeeded")) << path;
    }
  });
}

}  // namespace
}  // namespace stoker::pipeline::testing
