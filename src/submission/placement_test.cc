// Submissions on an API server in memory: crashes after every write, faults at every write, and what cleaners make of
// it.
#include "submission/placement.h"

#include <fakes/api_server.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <random>
#include <set>
#include <utility>

#include "resources/object.h"
#include "spark/test_surroundings.h"
#include "submission/anchor.h"
#include "submission/identifiers.h"
#include "submission/labels.h"
#include "submission/leftovers.h"

namespace stoker::submission {
namespace {

using namespace std::chrono_literals;
using fakes::Fault;

// The process died there: nothing of it happens any more.
struct Crash {};

class PlacementTest : public ::testing::Test {
 protected:
  // One that makes all kinds of objects that a plan may have but pod groups.
  static spark::SubmissionPlan plan_of(const std::string& key, const std::string& name = "a.B") {
    const std::vector<std::string> words = {"--master",        "k8s://https://host:6443",
                                            "--deploy-mode",   "cluster",
                                            "--conf",          "spark.kubernetes.container.image=spark:4.3.0",
                                            "--conf",          "spark.kubernetes.authenticate.driver.oauthToken=t",
                                            "--class",         "a.B",
                                            "--name",          name,
                                            "local:///app.jar"};
    const spark::testing::MemorySurroundings machine;
    const auto version = spark::parse_spark_version("4.3.0").value();
    const auto arguments = spark::parse_submit_arguments(words);
    const auto request = spark::resolve_submit_request(arguments.value(), version, machine);
    return spark::plan_submission(request.value(), version, identifiers_of_key(key, {}), machine).value();
  }

  Result<Placement> submit(const std::string& id) { return submit(plan_of(id), id); }
  Result<Placement> submit(const spark::SubmissionPlan& plan, const std::string& id) {
    return place({}, client_, plan,
                 {.submission_id = id,
                  .may_be_there = true,
                  .attempt = fmt::format("attempt-{}", ++attempts_),
                  .poll_delay = 1ms});
  }

  // A submitter that dies after so many writes; false when it came to its end before.
  bool submit_and_crash(const std::string& id, int writes) {
    int left = writes;
    server_.after_write([&](int) {
      if (--left == 0) throw Crash{};
    });
    bool crashed = false;
    try {
      static_cast<void>(submit(id));
    } catch (const Crash&) {
      crashed = true;
    }
    server_.after_write({});
    return crashed;
  }

  std::vector<Leftover> clean() { return clean_up({}, client_, "default").value(); }

  std::vector<json::object> ours(const kube::ResourceType& type) const {
    std::vector<json::object> found;
    for (json::object& object : server_.all(type))
      if (!resources::label_of(object, kSubmissionLabel).empty()) found.push_back(std::move(object));
    return found;
  }
  std::size_t drivers() const { return ours(kube::kPods).size(); }
  std::size_t objects() const {
    std::size_t count = 0;
    for (const auto& type : {kube::kPods, kube::kConfigMaps, kube::kServices, kube::kSecrets, kube::kNetworkPolicies})
      count += ours(type).size();
    return count;
  }
  std::size_t unfinished() const {
    std::size_t count = 0;
    for (const json::object& object : ours(kube::kConfigMaps))
      count += resources::label_of(object, kUnfinishedLabel).empty() ? 0U : 1U;
    return count;
  }

  static constexpr std::size_t kObjects = 5;  // ConfigMap, Secret, Service, NetworkPolicy, pod
  static constexpr int kWrites = 6;           // and the patch

  std::atomic<int> attempts_ = 0;
  ManualClock clock_;
  fakes::ApiServer server_{clock_};
  std::mt19937_64 random_{7};  // NOLINT(cert-msc51-cpp): tests repeat
  kube::Client client_{server_,
                       clock_,
                       {.wait = [](const runtime::Context&, std::chrono::milliseconds) -> Result<void> { return {}; },
                        .random_bits = [this] { return random_(); }}};
};

TEST_F(PlacementTest, MakesWhatTheDriverNeedsBeforeIt) {
  ASSERT_TRUE(submit("a").ok());
  std::vector<std::string> verbs;
  for (const auto& call : server_.calls(fakes::any_write()))
    verbs.push_back(call.verb + " " + call.resource);
  EXPECT_EQ(verbs, (std::vector<std::string>{"create configmaps", "create secrets", "create services",
                                             "create networkpolicies", "create pods", "patch configmaps"}));
  EXPECT_EQ(objects(), kObjects);
  EXPECT_EQ(unfinished(), 0U);
}

TEST_F(PlacementTest, LetsEverythingGoWithTheDriver) {
  ASSERT_TRUE(submit("a").ok());
  ASSERT_TRUE(submit("b").ok());
  const std::string driver(resources::name_of(plan_of("a").driver));
  ASSERT_TRUE(client_.remove({}, {.type = kube::kPods, .namespace_name = "default", .name = driver}).ok());
  server_.collect_garbage();
  EXPECT_EQ(objects(), kObjects);  // those of b
}

TEST_F(PlacementTest, IsFinishedOrRemovedWhereverTheSubmitterDied) {
  for (int writes = 1; writes < kWrites; ++writes) {
    const std::string id = fmt::format("crash-{}", writes);
    ASSERT_TRUE(submit_and_crash(id, writes)) << writes;
    const std::size_t before = objects();
    EXPECT_TRUE(clean().empty()) << "it may still be at work";
    EXPECT_EQ(objects(), before);
    clock_.advance(6min);
    const auto leftovers = clean();
    ASSERT_EQ(leftovers.size(), 1U) << writes;
    EXPECT_EQ(leftovers[0].submission_id, id);
    const bool had_driver = writes == kWrites - 1;
    EXPECT_EQ(leftovers[0].outcome, had_driver ? Leftover::Outcome::finished : Leftover::Outcome::removed);
    server_.collect_garbage();
    EXPECT_EQ(objects(), had_driver ? kObjects : 0U) << writes;
    EXPECT_EQ(unfinished(), 0U);
    EXPECT_TRUE(clean().empty());
  }
}

TEST_F(PlacementTest, GoesOnWhereTheSubmitterDiedUnderTheSameId) {
  for (int writes = 1; writes < kWrites; ++writes) {
    const std::string id = fmt::format("again-{}", writes);
    ASSERT_TRUE(submit_and_crash(id, writes));
    const auto placement = submit(id);
    ASSERT_TRUE(placement.ok()) << placement.error().describe();
    EXPECT_EQ(placement.value().was_there, writes == kWrites - 1);
    EXPECT_EQ(drivers(), static_cast<std::size_t>(writes));
    EXPECT_EQ(objects(), kObjects * static_cast<std::size_t>(writes));
    EXPECT_EQ(unfinished(), 0U);
  }
}

TEST_F(PlacementTest, UndoesItselfWhenAWriteIsRefused) {
  for (int write = 1; write < kWrites; ++write) {
    server_.fail_at(write, Fault::status(403, "Forbidden", "no"));
    const auto placement = submit("a");
    ASSERT_FALSE(placement.ok());
    EXPECT_EQ(placement.error().code, ErrorCode::permission);
    EXPECT_EQ(placement.error().hint.find("may be left"), std::string::npos);
    EXPECT_EQ(objects(), 0U) << write;
  }
}

TEST_F(PlacementTest, DoublesNothingWhenAnAnswerIsLost) {
  for (const auto kind :
       {Fault::Kind::refused, Fault::Kind::broken_before, Fault::Kind::broken_after, Fault::Kind::cut_body})
    for (int write = 1; write <= kWrites; ++write) {
      server_.fail_at(write, Fault::of(kind));
      const std::string id = fmt::format("lost-{}-{}", static_cast<int>(kind), write);
      const std::size_t before = drivers();
      const auto placement = submit(id);
      ASSERT_TRUE(placement.ok()) << id << placement.error().describe();
      EXPECT_EQ(placement.value().warning, "") << id;
      EXPECT_EQ(drivers(), before + 1) << id;
    }
  EXPECT_EQ(unfinished(), 0U);
  EXPECT_EQ(objects(), kObjects * drivers());
}

TEST_F(PlacementTest, GetsANewDeadlineWhenItGoesOnWithAnAnchor) {
  ASSERT_TRUE(submit_and_crash("a", 2));
  clock_.advance(6min);
  ASSERT_TRUE(submit_and_crash("a", 3));  // the deadline, and two that were missing
  EXPECT_TRUE(clean().empty()) << "it may still be at work";
}

TEST_F(PlacementTest, WaitsForTheDriverOfAnotherCommandLineUnderTheSameId) {
  ASSERT_TRUE(submit_and_crash("a", 1));
  auto other = std::async(std::launch::async, [&] { return submit(plan_of("a", "another-name"), "a"); });
  const auto first = submit("a");
  ASSERT_TRUE(first.ok());
  const auto second = other.get();
  ASSERT_TRUE(second.ok()) << second.error().describe();
  EXPECT_TRUE(second->was_there);
  EXPECT_EQ(resources::name_of(second->driver), resources::name_of(first->driver));
  EXPECT_EQ(drivers(), 1U);
  EXPECT_EQ(objects(), kObjects);
}

// Whatever one who gives up has made: another one of the same id goes on with it.
TEST_F(PlacementTest, LeavesWhatAnotherSubmitterHasJoined) {
  server_.fail_at(2, Fault::of(Fault::Kind::broken_before));
  bool joined = false;
  server_.after_write([&](int write) {
    if (write != 1 || std::exchange(joined, true)) return;
    const auto anchor = ours(kube::kConfigMaps).front();
    const json::object later{{"metadata", {{"annotations", {{kAttempt, "another"}}}}}};
    ASSERT_TRUE(client_
                    .patch({},
                           {.type = kube::kConfigMaps,
                            .namespace_name = "default",
                            .name = std::string(resources::name_of(anchor))},
                           kube::PatchKind::merge_patch, later)
                    .ok());
  });
  server_.deny("create", "services");
  ASSERT_FALSE(submit("a").ok());
  EXPECT_EQ(unfinished(), 1U);
}

// Ctrl-C, and the same key again: the garbage collector has come only so far.
TEST_F(PlacementTest, TakesNothingThatGoesWithItsOldOwner) {
  const spark::SubmissionPlan plan = plan_of("a");
  const auto remove = [&](const kube::ResourceType& type, std::string_view name) {
    return client_.remove({}, {.type = type, .namespace_name = "default", .name = std::string(name)}).ok();
  };
  for (const bool anchor_is_gone : {false, true}) {
    ASSERT_TRUE(submit("a").ok());
    ASSERT_TRUE(remove(kube::kPods, resources::name_of(plan.driver)));
    const json::object anchor = ours(kube::kConfigMaps).front();
    ASSERT_TRUE(!anchor_is_gone || remove(kube::kConfigMaps, resources::name_of(anchor)));
    ASSERT_TRUE(submit("a").ok());
    server_.collect_garbage();
    EXPECT_EQ(objects(), kObjects) << anchor_is_gone;
  }
}

TEST_F(PlacementTest, FindsNoDriverOfOthersUnderAnIdThatItDrew) {
  json::object driver = plan_of("a").driver;
  resources::object_at(resources::object_at(driver, "metadata"), "labels")[kSubmissionLabel] = "a";
  ASSERT_TRUE(client_.create({}, driver, "default").ok());  // by a request that was sent twice
  const auto placement = place({}, client_, plan_of("a"), {.submission_id = "a", .may_be_there = false});
  ASSERT_TRUE(placement.ok());
  EXPECT_FALSE(placement->was_there);
}

TEST_F(PlacementTest, SaysThatTheDriverOfAnIdIsBeingDeleted) {
  const auto placement = submit("a");
  ASSERT_TRUE(placement.ok());
  server_.run_pod("default", std::string(resources::name_of(placement->driver)));  // so that it ends in its own time
  ASSERT_TRUE(client_
                  .remove({}, {.type = kube::kPods,
                               .namespace_name = "default",
                               .name = std::string(resources::name_of(placement->driver))})
                  .ok());
  EXPECT_EQ(submit("a").error().code, ErrorCode::conflict);
  EXPECT_EQ(drivers(), 1U);
}

TEST_F(PlacementTest, KeepsTheAnchorOfWhatItCannotRemove) {
  server_.fail_at(5, Fault::of(Fault::Kind::broken_after));  // the pod's fate is not known
  server_.deny("get", "pods");
  ASSERT_FALSE(submit("a").ok());
  EXPECT_EQ(unfinished(), 1U);
  server_.allow_all();
  clock_.advance(6min);
  ASSERT_EQ(clean().size(), 1U);
  EXPECT_EQ(objects(), kObjects);  // finished, as it has a driver
}

TEST_F(PlacementTest, DoesNotTakeWhatIsNotItsOwn) {
  json::object other = plan_of("a").dependants.front();
  ASSERT_TRUE(client_.create({}, other, "default").ok());
  const auto placement = submit("a");
  EXPECT_EQ(placement.error().code, ErrorCode::already_exists);
  EXPECT_EQ(objects(), 0U);
  EXPECT_TRUE(server_.find(kube::resource_type_of(other).value(), "default", std::string(resources::name_of(other))));
}

TEST_F(PlacementTest, SaysWhatIsLeftWhenItCannotUndo) {
  server_.fail_at(3, Fault::status(403, "Forbidden", "no"));
  server_.deny("delete", "*");
  const auto placement = submit("a");
  EXPECT_NE(placement.error().hint.find("stoker apps cleanup --namespace default"), std::string::npos);
  server_.allow_all();
  clock_.advance(6min);
  EXPECT_EQ(clean().size(), 1U);
  EXPECT_EQ(objects(), 0U);
}

// Submitters that fail and die at random, on a server that fails at random, with cleaners in between. Whatever happens,
// each id has at most one driver, and in the end every object belongs to one.
TEST_F(PlacementTest, KeepsItsPromisesUnderRandomFailure) {
  constexpr int kRounds = 300;
  const std::vector<Fault::Kind> kinds = {Fault::Kind::refused, Fault::Kind::broken_before, Fault::Kind::broken_after,
                                          Fault::Kind::cut_body};
  std::set<std::string> ids;
  for (int round = 0; round < kRounds; ++round) {
    const std::string id = fmt::format("r{}", random_() % 40);
    ids.insert(id);
    for (std::uint64_t faults = random_() % 3; faults > 0; --faults)
      server_.fail_at(static_cast<int>(random_() % 8) + 1, Fault::of(kinds[random_() % kinds.size()]));
    if (random_() % 3 == 0)
      static_cast<void>(submit_and_crash(id, static_cast<int>(random_() % 7) + 1));
    else
      static_cast<void>(submit(id));
    clock_.advance(std::chrono::seconds(random_() % 400));
    if (random_() % 4 == 0) static_cast<void>(clean_up({}, client_, "default"));
    std::set<std::string> seen;
    for (const json::object& driver : ours(kube::kPods))
      ASSERT_TRUE(seen.insert(resources::label_of(driver, kSubmissionLabel)).second) << "round " << round;
  }
  for (int i = 0; i < 10; ++i)  // what faults are left hit these
    static_cast<void>(submit(fmt::format("last-{}", i)));
  clock_.advance(6min);
  clean();
  server_.collect_garbage();
  EXPECT_EQ(unfinished(), 0U);
  EXPECT_EQ(objects(), kObjects * drivers());
  EXPECT_GT(drivers(), 20U);
}

// Does something before the first list of ConfigMaps arrives.
class Meddler final : public kube::Transport {
 public:
  Meddler(kube::Transport& server, std::function<void()> meddle) : server_(server), meddle_(std::move(meddle)) {}
  Result<net::Response> send(const runtime::Context& context, const kube::Call& call,
                             const net::BodySink& sink) override {
    if (call.method == "GET" && call.path.ends_with("/configmaps") && meddle_) std::exchange(meddle_, {})();
    return server_.send(context, call, sink);
  }

 private:
  kube::Transport& server_;
  std::function<void()> meddle_;
};

// Between two looks of one who submits, the driver that he has seen goes with its anchor, and another submitter begins.
TEST_F(PlacementTest, TakesNoDriverThatIsGoneForThatOfANewAnchor) {
  ASSERT_TRUE(submit_and_crash("a", kWrites - 1));
  Meddler meddler(server_, [&] {
    const json::object driver = ours(kube::kPods).front();
    json::object anchor;
    for (const json::object& config_map : ours(kube::kConfigMaps))
      if (is_unfinished(config_map)) anchor = config_map;
    ASSERT_TRUE(remove_exactly({}, client_, driver).ok());
    ASSERT_TRUE(remove_exactly({}, client_, anchor).ok());
    for (const char* drawn : {"uid", "resourceVersion", "creationTimestamp"})
      anchor.at("metadata").as_object().erase(drawn);
    ASSERT_TRUE(client_.create({}, anchor, "default").ok());
  });
  const kube::Client client{
      meddler,
      clock_,
      {.wait = [](const runtime::Context&, std::chrono::milliseconds) -> Result<void> { return {}; },
       .random_bits = [this] { return random_(); }}};
  const auto placed = place({}, client, plan_of("a"),
                            {.submission_id = "a", .may_be_there = true, .attempt = "second", .poll_delay = 1ms});
  ASSERT_TRUE(placed.ok()) << placed.error().describe();
  ASSERT_EQ(drivers(), 1U);
  EXPECT_EQ(resources::metadata_text(placed->driver, "uid"),
            resources::metadata_text(ours(kube::kPods).front(), "uid"));
  server_.collect_garbage();
  EXPECT_EQ(objects(), kObjects);
}

// For cleaners: everybody's deadlines have passed.
class LaterClock final : public Clock {
 public:
  WallTime wall_now() const override { return clock_.wall_now() + 1h; }
  SteadyTime steady_now() const override { return clock_.steady_now(); }

 private:
  SystemClock clock_;
};

// Four at once under one key, with two command lines, some of whom give up in the middle, on a server that loses
// answers.
TEST_F(PlacementTest, ManyUnderOneKeyMakeOneDriver) {
  constexpr int kSubmitters = 4;
  static thread_local runtime::StopSource* gives_up = nullptr;
  static thread_local int writes_left = 0;
  const SystemClock clock;
  fakes::ApiServer server{clock};
  const LaterClock later;
  std::atomic<std::uint64_t> bits = 0;
  const auto client_of = [&](const Clock& its_clock) {
    return kube::Client{server,
                        its_clock,
                        {.wait = [](const runtime::Context&, std::chrono::milliseconds) -> Result<void> { return {}; },
                         .random_bits = [&bits] { return ++bits; }}};
  };
  server.after_write([](int) {
    if (gives_up != nullptr && --writes_left == 0) gives_up->request_stop();
  });
  int made = 0;
  for (int round = 0; round < 60; ++round) {
    const std::string id = fmt::format("k{}", round);
    for (std::uint64_t faults = random_() % 4; faults > 0; --faults)
      server.fail_at(static_cast<int>(random_() % 12) + 1,
                     Fault::of(random_() % 2 == 0 ? Fault::Kind::broken_before : Fault::Kind::broken_after));
    const int patience = static_cast<int>(random_() % 8);
    std::vector<std::future<Result<Placement>>> submitters;
    for (int i = 0; i < kSubmitters; ++i)
      submitters.push_back(std::async(std::launch::async, [&, i] {
        runtime::StopSource stop;
        gives_up = &stop;
        writes_left = i < 2 ? patience + i : 0;  // 0 is never
        const kube::Client client = client_of(clock);
        auto placed = place({.deadline = {}, .stop = stop.get_token()}, client, plan_of(id, i % 2 == 0 ? "one" : "two"),
                            {.submission_id = id,
                             .may_be_there = true,
                             .attempt = fmt::format("{}-{}", round, i),
                             .time_to_write = 2s,
                             .poll_delay = 1ms});
        gives_up = nullptr;
        return placed;
      }));
    std::vector<Placement> placed;
    for (auto& submitter : submitters)
      if (auto one = submitter.get()) placed.push_back(*std::move(one));
    std::vector<json::object> drivers;
    for (const json::object& pod : server.all(kube::kPods))
      if (resources::label_of(pod, kSubmissionLabel) == id) drivers.push_back(pod);
    ASSERT_LE(drivers.size(), 1U) << id;
    for (const Placement& one : placed) {
      ASSERT_EQ(drivers.size(), 1U) << id << " was said to be there";
      EXPECT_EQ(resources::metadata_text(one.driver, "uid"), resources::metadata_text(drivers.front(), "uid")) << id;
    }
    made += placed.empty() ? 0 : 1;
  }
  for (int i = 0; i < 12; ++i)  // faults that are left hit the first
    static_cast<void>(clean_up({}, client_of(later), "default"));
  server.collect_garbage();
  EXPECT_GT(made, 30);
  const std::size_t drivers = server.all(kube::kPods).size();
  for (const auto& type : {kube::kSecrets, kube::kServices, kube::kNetworkPolicies, kube::kConfigMaps})
    EXPECT_EQ(server.all(type).size(), drivers) << type.plural;
}

}  // namespace
}  // namespace stoker::submission
