#include "objects/gc.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "metadata/run_lock.h"
#include "objects/local_artifact_store.h"
#include "runtime/file.h"

namespace stoker::objects {
namespace {

namespace fs = std::filesystem;
using metadata::Batch;
using metadata::CacheEntry;
using metadata::RunLock;
using metadata::RunRow;
using metadata::RunState;
using metadata::RunUpdate;
using metadata::Store;

const WallTime kStart{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
// Everything that may go, goes.
const GcOptions kAll{
    .policy = {.keep_for = std::nullopt, .keep_last = std::nullopt, .keep_cache_for = std::chrono::milliseconds(-1)}};

class GcTest : public ::testing::Test {
 protected:
  RunId start(const std::string& id, WallTime created = kStart) {
    RunRow run;
    run.id = RunId(id);
    run.pipeline = PipelineName("p");
    run.document = json::object();
    run.created = created;
    EXPECT_TRUE(store_->create_run(run).ok());
    return run.id;
  }
  // A file as the artifact of attempt 1 of step "make".
  std::string publish(const RunId& run) {
    const auto source = folder_.path() / fmt::format("source-{}", run.str());
    EXPECT_TRUE(runtime::write_file(source, "content").ok());
    Manifest draft{.type = "file", .materializer = "x:File"};
    draft.created_by = {.worker = "w", .run = run.str(), .step = "make", .attempt = 1, .output = "out", .time = "t"};
    const auto uri = artifacts_.uri({PipelineName("p"), run, StepPath("make"), 1, "out"});
    EXPECT_TRUE(artifacts_.publish_copy(uri, source, draft, {}).ok());
    return uri;
  }
  static json::value outputs(const std::string& uri) { return {{"out", {{"artifact", {{"uri", uri}}}}}}; }
  static metadata::StepRow step(const std::string& uri) {
    metadata::StepRow row;
    row.path = StepPath("make");
    row.name = StepName("make");
    row.state = "succeeded";
    row.outputs = outputs(uri);
    return row;
  }
  void finish(const RunId& run, const std::string& uri, bool cache = false, WallTime at = kStart) {
    Batch batch;
    batch.steps = {step(uri)};
    batch.artifacts = {{.run = run, .path = StepPath("make"), .attempt = 1, .output = "out", .uri = uri}};
    if (cache) batch.cache_entries = {entry(run, uri)};
    batch.run = RunUpdate{.state = RunState::succeeded, .finished = at};
    ASSERT_TRUE(store_->commit(run, 1, batch).ok());
  }
  static CacheEntry entry(const RunId& run, const std::string& uri) {
    CacheEntry made;
    made.key = "key";
    made.variant = "v";
    made.path = StepPath("make");
    made.run = run;
    made.outputs = outputs(uri);
    made.created = kStart;
    return made;
  }
  GcReport gc(const GcOptions& options = kAll, WallTime now = kStart) {
    auto report = collect_garbage(*store_, options, now);
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().describe());
    return std::move(report).value();
  }
  bool exists(const std::string& uri) const { return artifacts_.open(uri, Check::content).ok(); }

  runtime::TemporaryDirectory folder_ = runtime::TemporaryDirectory::make("gc ü").value();
  std::unique_ptr<Store> store_ = Store::open(folder_.path()).value();
  LocalArtifactStore artifacts_{folder_.path()};
};

TEST_F(GcTest, DeletesARunWithItsFolderAndArtifacts) {
  const auto run = start("r1");
  const auto uri = publish(run);
  finish(run, uri);
  ASSERT_TRUE(runtime::make_directories(metadata::run_folder(folder_.path(), run) / "attempts").ok());
  const auto report = gc();
  EXPECT_EQ(report.runs, std::vector<RunId>{run});
  EXPECT_EQ(report.artifacts, 1);
  EXPECT_GT(report.bytes, 7U);
  EXPECT_FALSE(fs::exists(uri));
  EXPECT_FALSE(fs::exists(metadata::run_folder(folder_.path(), run)));
  EXPECT_EQ(store_->load_run(run).error().code, ErrorCode::not_found);
}

TEST_F(GcTest, ADryRunSaysTheSameAndDeletesNothing) {
  const auto run = start("r1");
  const auto uri = publish(run);
  finish(run, uri, /*cache=*/true);
  auto options = kAll;
  options.dry_run = true;
  const auto dry = gc(options);
  EXPECT_TRUE(exists(uri));
  const auto real = gc();
  EXPECT_EQ(dry.runs, real.runs);
  EXPECT_EQ(dry.folders, real.folders);
  EXPECT_EQ(dry.bytes, real.bytes);
  EXPECT_EQ(dry.cache_entries, real.cache_entries);
  EXPECT_FALSE(exists(uri));
}

TEST_F(GcTest, KeepsWhatACacheEntryUsesAfterItsRunIsGone) {
  const auto run = start("r1");
  const auto uri = publish(run);
  finish(run, uri, /*cache=*/true);
  auto options = kAll;
  options.policy.keep_cache_for = std::chrono::hours(1);
  EXPECT_EQ(gc(options).runs.size(), 1U);
  EXPECT_TRUE(exists(uri));
  gc(options, kStart + std::chrono::hours(2));
  EXPECT_FALSE(exists(uri));
}

TEST_F(GcTest, KeepsWhatALaterRunTookFromTheCache) {
  const auto made = start("r1");
  const auto uri = publish(made);
  finish(made, uri, /*cache=*/true);
  const auto later = start("r2", kStart + std::chrono::hours(10));
  ASSERT_TRUE(store_->claim_cached(entry(made, uri), later, 1, kStart).value());
  auto options = kAll;
  options.policy.keep_last = 1;
  EXPECT_EQ(gc(options).runs, std::vector<RunId>{made});
  EXPECT_TRUE(exists(uri));
}

TEST_F(GcTest, NeverTouchesARunWithAnEngine) {
  const auto run = start("r1");
  auto lock = RunLock::try_acquire(folder_.path(), run).value();
  const auto uri = publish(run);
  EXPECT_TRUE(gc().runs.empty());
  EXPECT_TRUE(exists(uri));
  lock.reset();
  EXPECT_EQ(gc().runs.size(), 1U);
  EXPECT_FALSE(exists(uri));
}

TEST_F(GcTest, KeepsTheArtifactsOfAnInterruptedRunThatIsKept) {
  const auto run = start("r1");
  const auto uri = publish(run);
  gc({});
  EXPECT_TRUE(exists(uri));
}

TEST_F(GcTest, DeletesWhatFailedAttemptsOfAKeptRunLeft) {
  const auto run = start("r1");
  const auto uri = publish(run);
  finish(run, uri);
  const auto rubbish = artifacts_.root() / "p" / "r1" / "make" / "2" / "out" / "data";
  ASSERT_TRUE(runtime::make_directories(rubbish).ok());
  const auto report = gc({});
  EXPECT_EQ(report.folders, std::vector<std::string>{(artifacts_.root() / "p/r1/make/2").string()});
  EXPECT_TRUE(exists(uri));
}

TEST_F(GcTest, FindsWhatAGcThatWasCutOffLeft) {
  const auto run = start("r1");
  const auto uri = publish(run);
  finish(run, uri);
  ASSERT_TRUE(runtime::make_directories(metadata::run_folder(folder_.path(), run)).ok());
  ASSERT_TRUE(store_->delete_run(run).ok());
  gc({});
  EXPECT_FALSE(fs::exists(uri));
  EXPECT_FALSE(fs::exists(metadata::run_folder(folder_.path(), run)));
}

TEST_F(GcTest, AStoreThatWasMovedKeepsItsArtifacts) {
  const auto run = start("r1");
  const auto uri = publish(run);
  // As another place would have recorded it.
  finish(run, "/elsewhere/.stoker/artifacts/p/r1/make/1/out/");
  gc({});
  EXPECT_TRUE(exists(uri));
}

TEST_F(GcTest, DeletingOneRunKeepsItsArtifactsAndRefusesALiveOne) {
  const auto run = start("r1");
  const auto uri = publish(run);
  finish(run, uri, /*cache=*/true);
  {
    auto lock = RunLock::try_acquire(folder_.path(), run).value();
    EXPECT_EQ(delete_run(*store_, run).error().code, ErrorCode::conflict);
  }
  ASSERT_TRUE(delete_run(*store_, run).ok());
  EXPECT_TRUE(exists(uri));
  EXPECT_EQ(delete_run(*store_, run).error().code, ErrorCode::not_found);
}

// Runs come and go, each taking the cached artifact or making it anew, while gc deletes all that it may.
TEST_F(GcTest, ConcurrentRunsNeverLoseAnArtifactTheyUse) {
  constexpr int kRuns = 60;
  std::atomic<bool> done = false;
  std::thread collector([&] {
    while (!done) {
      const auto report = collect_garbage(*store_, kAll, kStart + std::chrono::hours(1));
      EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().describe());
    }
  });
  int hits = 0;
  for (int i = 0; i < kRuns; ++i) {
    const RunId id(fmt::format("r{:03}", i));
    auto lock = RunLock::try_acquire(folder_.path(), id).value();
    ASSERT_TRUE(lock);
    const auto run = start(id.str());
    const auto cached = store_->find_cached("key").value();
    std::string uri;
    if (!cached.empty() && store_->claim_cached(cached[0], run, 1, kStart).value()) {
      uri = std::string(cached[0].outputs.at("out").at("artifact").at("uri").as_string());
      ++hits;
    } else {
      uri = publish(run);
      ASSERT_TRUE(store_->put_cached(entry(run, uri)).ok());
    }
    ASSERT_TRUE(exists(uri)) << uri;
    ASSERT_TRUE(store_->commit(run, 1, {.steps = {step(uri)}}).ok());
    ASSERT_TRUE(exists(uri)) << uri;
    ASSERT_TRUE(store_->commit(run, 1, {.run = RunUpdate{.state = RunState::succeeded}}).ok());
    ASSERT_TRUE(exists(uri)) << uri;
  }
  done = true;
  collector.join();
  RecordProperty("hits", hits);
  gc(kAll, kStart + std::chrono::hours(1));
  EXPECT_TRUE(store_->list_runs().value().empty());
  EXPECT_EQ(std::distance(fs::directory_iterator(artifacts_.root() / "p"), fs::directory_iterator()), 0);
}

}  // namespace
}  // namespace stoker::objects
