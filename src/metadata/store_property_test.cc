// Random batches, and a plain map that says what must be read back.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "metadata/test_store.h"

namespace stoker::metadata {
namespace {

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  int number(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  std::string text() {
    // Quotes, NUL, bytes that are no UTF-8, an emoji.
    static const std::vector<std::string> kTexts = {
        "", "plain", "it's \"quoted\"", std::string("a\0b", 3), "\xff\xfe", "\xf0\x9f\x94\xa5\n"};
    return kTexts[static_cast<std::size_t>(number(static_cast<int>(kTexts.size())))];
  }
  json::value document(int depth = 0) {
    switch (number(depth > 3 ? 5 : 7)) {
      case 0: return nullptr;
      case 1: return number(2) == 1;
      case 2: return static_cast<std::int64_t>(random_()) - 2'000'000'000;
      case 3: return number(1000) / 8.0;
      case 4: return json::string(text());
      case 5: {
        json::array list;
        for (int i = number(4); i > 0; --i)
          list.push_back(document(depth + 1));
        return list;
      }
      default: {
        json::object map;
        for (int i = number(4); i > 0; --i)
          map[text() + std::to_string(i)] = document(depth + 1);
        return map;
      }
    }
  }
  std::optional<WallTime> time() {
    if (number(3) == 0) return std::nullopt;
    return kNow + std::chrono::milliseconds(number(1'000'000'000));
  }
  StepRow step() {
    StepRow step = sample_step(fmt::format("s[{}]", number(12)), text());
    step.attempts = number(5);
    step.cached = number(2) == 1;
    step.cache_key = text();
    step.cache = document();
    step.inputs = document();
    step.outputs = document();
    step.metrics = document();
    step.error_class = text();
    step.error_message = text();
    step.error = document();
    step.reason = text();
    step.started = time();
    step.finished = time();
    step.cpu_ms = number(1 << 30);
    step.peak_rss_bytes = std::int64_t{1} << number(60);
    step.logs = text();
    step.machine_version = number(9);
    step.machine_state = document();
    return step;
  }
  AttemptRow attempt() {
    return {.path = StepPath(fmt::format("s[{}]", number(12))),
            .attempt = number(3),
            .state = text(),
            .pid = number(1 << 20),
            .pid_start_time = number(1 << 30),
            .boot_id = text(),
            .failure_class = text(),
            .error_message = text(),
            .started = time(),
            .finished = time(),
            .cpu_ms = number(99),
            .peak_rss_bytes = number(99),
            .logs = text(),
            .extra = document()};
  }

 private:
  std::mt19937 random_;
};

// Every field, as one text.
std::string show(const StepRow& step) {
  const auto when = [](const std::optional<WallTime>& time) { return time ? time->time_since_epoch().count() : -1; };
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", step.path.str(), step.name.str(),
                     step.state, step.attempts, step.cached, step.cache_key, codec::write_json(step.cache),
                     codec::write_json(step.inputs), codec::write_json(step.outputs), codec::write_json(step.metrics),
                     step.error_class, step.error_message, codec::write_json(step.error), step.reason,
                     when(step.started), when(step.finished), step.cpu_ms, step.peak_rss_bytes, step.logs,
                     step.machine_version, codec::write_json(step.machine_state));
}

std::string show(const AttemptRow& row) {
  const auto when = [](const std::optional<WallTime>& time) { return time ? time->time_since_epoch().count() : -1; };
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", row.path.str(), row.attempt, row.state, row.pid,
                     row.pid_start_time, row.boot_id, row.failure_class, row.error_message, when(row.started),
                     when(row.finished), row.cpu_ms, row.peak_rss_bytes, row.logs, codec::write_json(row.extra));
}

std::string show(const EventRow& event) {
  return fmt::format("{}|{}|{}|{}", event.seq, event.time.time_since_epoch().count(), event.type,
                     codec::write_json(event.payload));
}

class StoreProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(StoreProperty, WhatIsCommittedIsReadBackByThisAndTheNextStore) {
  Generator make(GetParam());
  TestFolder folder;
  auto store = open_store(folder.path());
  const auto run = sample_run("20260101-000000-prop");
  ASSERT_TRUE(store->create_run(run).ok());
  std::map<std::string, std::string> steps;
  std::map<std::pair<std::string, int>, std::string> attempts;
  std::vector<std::string> events;
  for (int round = 0; round < 60; ++round) {
    Batch batch;
    for (int i = make.number(5); i > 0; --i)
      batch.steps.push_back(make.step());
    for (int i = make.number(3); i > 0; --i)
      batch.attempts.push_back(make.attempt());
    std::vector<std::string> added;
    for (int i = make.number(4); i > 0; --i) {
      batch.events.push_back({.seq = static_cast<std::int64_t>(events.size() + added.size() + 1),
                              .time = kNow,
                              .type = make.text(),
                              .payload = make.document()});
      added.push_back(show(batch.events.back()));
    }
    batch.durability = make.number(10) == 0 ? Durability::power_loss : Durability::process_kill;
    // Now and then one that must be refused as a whole.
    if (make.number(8) == 0) {
      batch.events.push_back({.seq = 0, .time = kNow, .type = "no such seq"});
      ASSERT_FALSE(store->commit(run.id, 1, batch).ok());
      continue;
    }
    ASSERT_TRUE(store->commit(run.id, 1, batch).ok());
    for (const auto& step : batch.steps)
      steps[step.path.str()] = show(step);
    for (const auto& row : batch.attempts)
      attempts[{row.path.str(), row.attempt}] = show(row);
    events.insert(events.end(), added.begin(), added.end());
    if (make.number(15) == 0) {
      store.reset();
      store = open_store(folder.path());
    }
  }
  std::vector<std::string> expected;
  std::vector<std::string> read;
  for (const auto& [path, row] : steps)
    expected.push_back(row);
  const auto stored_steps = store->load_steps(run.id).value();
  for (const auto& step : stored_steps)
    read.push_back(show(step));
  for (const auto& [key, row] : attempts)
    expected.push_back(row);
  const auto stored_attempts = store->load_attempts(run.id).value();
  for (const auto& row : stored_attempts)
    read.push_back(show(row));
  expected.insert(expected.end(), events.begin(), events.end());
  const auto stored_events = store->events(run.id, 1, 0).value();
  for (const auto& event : stored_events)
    read.push_back(show(event));
  EXPECT_EQ(read, expected);
}

INSTANTIATE_TEST_SUITE_P(Seeds, StoreProperty, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace stoker::metadata
