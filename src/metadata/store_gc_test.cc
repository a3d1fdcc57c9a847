#include <gtest/gtest.h>

#include "metadata/test_store.h"

namespace stoker::metadata {
namespace {

using std::chrono::hours;

class StoreGcTest : public ::testing::Test {
 protected:
  // A finished run with one step "a" whose output is `uri`; `made` adds the artifact's row.
  void finished_run(const std::string& id, const std::string& uri, bool made) {
    const auto run = sample_run(id);
    ASSERT_TRUE(store_->create_run(run).ok());
    Batch batch;
    batch.steps = {sample_step("a", "succeeded")};
    batch.steps[0].outputs = {{"output", {{"artifact", {{"uri", uri}}}}}};
    if (made) {
      batch.artifacts = {{.run = run.id,
                          .path = StepPath("a"),
                          .attempt = 1,
                          .output = "output",
                          .pipeline = run.pipeline,
                          .uri = uri}};
    }
    batch.run = RunUpdate{.state = RunState::succeeded, .finished = kNow};
    ASSERT_TRUE(store_->commit(run.id, 1, batch).ok());
  }

  bool note(const runtime::FileStamp& stamp, const std::string& digest, WallTime hashed_at) {
    return store_->note_digests(std::vector<DigestNote>{{stamp, digest}}, hashed_at).ok();
  }

  TestFolder folder_;
  std::unique_ptr<Store> store_ = open_store(folder_.path());
};

TEST_F(StoreGcTest, AnArtifactStaysWhileAnyRunOrCacheEntryUsesIt) {
  finished_run("20260101-000000-made", "/artifacts/cached", true);
  finished_run("20260102-000000-hits", "/artifacts/cached", false);
  ASSERT_TRUE(store_->put_cached(sample_entry("k", "v")).ok());
  const RunId made("20260101-000000-made");
  const RunId hits("20260102-000000-hits");

  auto needed = store_->apply_retention({.runs = {made}}, false).value();
  EXPECT_EQ(needed.runs_deleted, 1);
  EXPECT_TRUE(needed.artifacts.contains("/artifacts/cached"));
  needed = store_->apply_retention({.runs = {hits}}, false).value();
  EXPECT_TRUE(needed.artifacts.contains("/artifacts/cached"));
  EXPECT_TRUE(store_->find_artifact("/artifacts/cached").value());
  needed = store_->apply_retention({.cache = {{"k", "v", kNow}}}, false).value();
  EXPECT_EQ(needed.cache_entries_deleted, 1);
  EXPECT_TRUE(needed.artifacts.empty());
  EXPECT_TRUE(needed.runs.empty());
  EXPECT_FALSE(store_->find_artifact("/artifacts/cached").value());
}

TEST_F(StoreGcTest, ADryRunSaysTheSameAndChangesNothing) {
  finished_run("20260101-000000-made", "/artifacts/x", true);
  const RetentionPlan plan{.runs = {RunId("20260101-000000-made")}};
  const auto dry = store_->apply_retention(plan, true).value();
  EXPECT_EQ(dry.runs_deleted, 1);
  EXPECT_FALSE(dry.artifacts.contains("/artifacts/x"));
  EXPECT_TRUE(store_->load_run(plan.runs[0]).ok());
  EXPECT_TRUE(store_->find_artifact("/artifacts/x").value());
}

TEST_F(StoreGcTest, AnEntryThatWasHitSinceThePlanStays) {
  finished_run("20260101-000000-made", "/artifacts/x", true);
  const auto entry = sample_entry("k", "v");
  ASSERT_TRUE(store_->put_cached(entry).ok());
  const auto facts = store_->retention_facts().value();
  ASSERT_EQ(facts.cache.size(), 1U);
  ASSERT_TRUE(store_->claim_cached(entry, RunId("20260101-000000-made"), 1, kNow + hours(5)).value());
  EXPECT_EQ(store_->apply_retention({.cache = facts.cache}, false).value().cache_entries_deleted, 0);
}

TEST_F(StoreGcTest, AClaimProtectsBeforeTheStepIsWritten) {
  const auto run = sample_run("20260103-000000-live");
  ASSERT_TRUE(store_->create_run(run).ok());
  const auto entry = sample_entry("k", "v");
  ASSERT_TRUE(store_->put_cached(entry).ok());
  ASSERT_TRUE(store_->claim_cached(entry, run.id, 1, kNow).value());
  ASSERT_EQ(store_->invalidate_cached({}).value(), 1);
  const auto needed = store_->apply_retention({}, false).value();
  EXPECT_TRUE(needed.artifacts.contains("/artifacts/cached"));
  EXPECT_EQ(needed.runs.at(run.id).state, RunState::running);
}

TEST_F(StoreGcTest, DocumentsGoWithTheirLastRun) {
  finished_run("20260101-000000-aaaa", "/artifacts/x", true);
  finished_run("20260101-000000-bbbb", "/artifacts/y", true);
  ASSERT_TRUE(store_->apply_retention({.runs = {RunId("20260101-000000-aaaa")}}, false).ok());
  EXPECT_EQ(store_->load_run(RunId("20260101-000000-bbbb")).value().document, sample_run("x").document);
}

TEST_F(StoreGcTest, DigestsHoldForExactlyOneStamp) {
  runtime::FileStamp stamp{.device = 1, .inode = 0xffffffffffffffffU, .size = 10, .modified_ns = 5, .changed_ns = 6};
  ASSERT_TRUE(note(stamp, "sha256:aa", kNow));
  EXPECT_EQ(store_->find_digest(stamp).value(), "sha256:aa");
  auto other = stamp;
  other.changed_ns = 7;
  EXPECT_FALSE(store_->find_digest(other).value());
  ASSERT_TRUE(note(other, "sha256:bb", kNow));
  EXPECT_FALSE(store_->find_digest(stamp).value());
}

TEST_F(StoreGcTest, ADigestOfAFileThatHasJustChangedIsNotNoted) {
  const auto just_now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(kNow.time_since_epoch()).count() - 1'000'000;
  const runtime::FileStamp stamp{.device = 1, .inode = 2, .size = 10, .modified_ns = just_now, .changed_ns = just_now};
  ASSERT_TRUE(note(stamp, "sha256:aa", kNow));
  EXPECT_FALSE(store_->find_digest(stamp).value());
  ASSERT_TRUE(note(stamp, "sha256:aa", kNow + std::chrono::seconds(10)));
  EXPECT_TRUE(store_->find_digest(stamp).value());
}

}  // namespace
}  // namespace stoker::metadata
