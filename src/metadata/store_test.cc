#include "metadata/store.h"

#include <gtest/gtest.h>

#include "metadata/test_store.h"

namespace stoker::metadata {
namespace {

class StoreTest : public ::testing::Test {
 protected:
  TestFolder folder_;
  std::unique_ptr<Store> store_ = open_store(folder_.path());
};

TEST_F(StoreTest, GivesBackARunAsItWasMade) {
  auto run = sample_run("20260101-000000-aaaa");
  run.parameters = {{"trees", 20}, {"text", "ü\n"}};
  ASSERT_EQ(store_->create_run(run).value(), 1);
  const auto read = store_->load_run(run.id).value();
  EXPECT_EQ(read.pipeline, run.pipeline);
  EXPECT_EQ(read.parameters, run.parameters);
  EXPECT_EQ(read.document, run.document);
  EXPECT_EQ(read.created, run.created);
  EXPECT_EQ(read.epoch, 1);
  EXPECT_FALSE(read.finished);
  EXPECT_EQ(store_->create_run(run).error().code, ErrorCode::already_exists);
}

TEST_F(StoreTest, WritesABatchWholeAndReplacesRows) {
  const auto run = sample_run("20260101-000000-aaaa");
  ASSERT_TRUE(store_->create_run(run).ok());
  Batch batch;
  batch.events = {{.seq = 1, .time = kNow, .type = "run.started", .payload = {{"pipeline", "p"}}}};
  batch.steps = {sample_step("b", "waiting"), sample_step("a", "running")};
  batch.attempts = {{.path = StepPath("a"), .attempt = 1, .state = "running", .pid = 42, .pid_start_time = 7}};
  ASSERT_TRUE(store_->commit(run.id, 1, batch).ok());
  Batch second;
  second.steps = {sample_step("a", "succeeded")};
  second.run = RunUpdate{.state = RunState::succeeded, .finished = kNow};
  ASSERT_TRUE(store_->commit(run.id, 1, second).ok());

  const auto steps = store_->load_steps(run.id).value();
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].path.str(), "a");
  EXPECT_EQ(steps[0].state, "succeeded");
  EXPECT_EQ(steps[0].outputs, batch.steps[1].outputs);
  EXPECT_EQ(steps[1].state, "waiting");
  EXPECT_EQ(store_->load_attempts(run.id).value().at(0).pid, 42);
  EXPECT_EQ(store_->events(run.id).value().at(0).payload.at("pipeline"), "p");
  EXPECT_EQ(store_->last_event(run.id).value(), 1);
  EXPECT_EQ(store_->load_run(run.id).value().state, RunState::succeeded);
}

TEST_F(StoreTest, RefusesAWriteOfAnEngineThatWasReplaced) {
  const auto run = sample_run("20260101-000000-aaaa");
  ASSERT_TRUE(store_->create_run(run).ok());
  ASSERT_EQ(store_->take_over(run.id, "second engine").value(), 2);
  Batch batch;
  batch.steps = {sample_step("a", "running")};
  const auto late = store_->commit(run.id, 1, batch);
  EXPECT_EQ(late.error().code, ErrorCode::conflict);
  EXPECT_NE(late.error().message.find("second engine"), std::string::npos);
  EXPECT_TRUE(store_->load_steps(run.id).value().empty());
  EXPECT_TRUE(store_->commit(run.id, 2, batch).ok());
}

TEST_F(StoreTest, ARefusedBatchLeavesNothing) {
  const auto run = sample_run("20260101-000000-aaaa");
  ASSERT_TRUE(store_->create_run(run).ok());
  Batch batch;
  batch.events = {{.seq = 1, .time = kNow, .type = "a"}};
  ASSERT_TRUE(store_->commit(run.id, 1, batch).ok());
  batch.events = {{.seq = 2, .time = kNow, .type = "b"}, {.seq = 2, .time = kNow, .type = "twice"}};
  EXPECT_FALSE(store_->commit(run.id, 1, batch).ok());
  EXPECT_EQ(store_->last_event(run.id).value(), 1);
}

TEST_F(StoreTest, FindsRunsByPartsOfTheirId) {
  for (const auto* id : {"20260101-000000-aaaa", "20260101-000000-bbbb", "20260102-000000-cccc"}) {
    auto run = sample_run(id);
    run.created = kNow + std::chrono::seconds(id[16]);
    ASSERT_TRUE(store_->create_run(run).ok());
  }
  EXPECT_EQ(store_->find_run("latest").value().str(), "20260102-000000-cccc");
  EXPECT_EQ(store_->find_run("bbbb").value().str(), "20260101-000000-bbbb");
  EXPECT_EQ(store_->find_run("20260102").value().str(), "20260102-000000-cccc");
  EXPECT_EQ(store_->find_run("20260101").error().code, ErrorCode::invalid_value);
  const auto missing = store_->find_run("20260101-000000-aaab");
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_NE(missing.error().hint.find("20260101-000000-aaaa"), std::string::npos);
}

TEST_F(StoreTest, ListsRunsNewestFirstInPages) {
  for (int i = 0; i < 5; ++i) {
    auto run = sample_run("20260101-00000" + std::to_string(i) + "-aaaa");
    run.created = kNow + std::chrono::seconds(i);
    run.pipeline = PipelineName(i % 2 == 0 ? "even" : "odd");
    ASSERT_TRUE(store_->create_run(run).ok());
  }
  Batch batch;
  batch.steps = {sample_step("a", "succeeded"), sample_step("b", "failed")};
  batch.steps[0].cached = true;
  ASSERT_TRUE(store_->commit(RunId("20260101-000004-aaaa"), 1, batch).ok());

  const auto page = store_->list_runs({.limit = 2, .count_steps = true}).value();
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].id.str(), "20260101-000004-aaaa");
  EXPECT_EQ(page[0].steps, 2);
  EXPECT_EQ(page[0].steps_cached, 1);
  EXPECT_EQ(page[0].steps_by_state.at("failed"), 1);
  const auto next = store_->list_runs({.older_than = page[1].id, .limit = 10}).value();
  ASSERT_EQ(next.size(), 3U);
  EXPECT_EQ(next[0].id.str(), "20260101-000002-aaaa");
  EXPECT_EQ(store_->list_runs({.pipeline = "odd"}).value().size(), 2U);
  EXPECT_EQ(store_->list_runs({.id_prefix = "20260101-000003"}).value().size(), 1U);
}

TEST_F(StoreTest, CancelIsWrittenOnceAndForgottenByATakeOver) {
  const auto run = sample_run("20260101-000000-aaaa");
  ASSERT_TRUE(store_->create_run(run).ok());
  EXPECT_TRUE(store_->request_cancel(run.id, kNow).value());
  EXPECT_TRUE(store_->request_cancel(run.id, kNow + std::chrono::seconds(1)).value());
  EXPECT_EQ(store_->load_run(run.id).value().cancel_requested, kNow);
  ASSERT_TRUE(store_->take_over(run.id, "next").ok());
  EXPECT_FALSE(store_->load_run(run.id).value().cancel_requested);
  ASSERT_TRUE(store_->commit(run.id, 2, {.run = RunUpdate{.state = RunState::failed}}).ok());
  EXPECT_FALSE(store_->request_cancel(run.id, kNow).value());
}

TEST_F(StoreTest, DeletesARunWithAllItsRows) {
  const auto run = sample_run("20260101-000000-aaaa");
  ASSERT_TRUE(store_->create_run(run).ok());
  ASSERT_TRUE(
      store_->commit(run.id, 1, {.events = {{.seq = 1, .type = "x"}}, .steps = {sample_step("a", "ready")}}).ok());
  ASSERT_TRUE(store_->delete_run(run.id).ok());
  EXPECT_EQ(store_->load_run(run.id).error().code, ErrorCode::not_found);
  EXPECT_EQ(store_->commit(run.id, 1, {}).error().code, ErrorCode::conflict);
  ASSERT_TRUE(store_->create_run(run).ok());
  EXPECT_TRUE(store_->load_steps(run.id).value().empty());
}

TEST_F(StoreTest, CacheKeepsVariantsOfAKey) {
  auto entry = sample_entry("key1", "v1");
  ASSERT_TRUE(store_->put_cached(entry).ok());
  entry.variant = "v2";
  entry.created += std::chrono::seconds(1);
  ASSERT_TRUE(store_->put_cached(entry).ok());
  const auto found = store_->find_cached("key1").value();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].variant, "v2");
  EXPECT_EQ(found[1].outputs, entry.outputs);
  EXPECT_EQ(store_->find_cached("key1", entry.created).value().size(), 1U);
  EXPECT_EQ(store_->last_cached(entry.pipeline, entry.path).value()->variant, "v2");
  EXPECT_FALSE(store_->last_cached(entry.pipeline, StepPath("other")).value());
}

TEST_F(StoreTest, CacheForgetsTheOldestVariantBeyondItsLimit) {
  auto entry = sample_entry("key1", "");
  for (int i = 0; i < kMaximumCacheVariants + 3; ++i) {
    entry.variant = "v" + std::to_string(i);
    entry.created += std::chrono::seconds(1);
    ASSERT_TRUE(store_->put_cached(entry).ok());
  }
  const auto found = store_->find_cached("key1").value();
  EXPECT_EQ(found.size(), static_cast<std::size_t>(kMaximumCacheVariants));
  EXPECT_EQ(found.back().variant, "v3");
}

TEST_F(StoreTest, AClaimCountsTheHitAndFailsOnceTheEntryIsGone) {
  const auto run = sample_run("20260101-000000-aaaa");
  ASSERT_TRUE(store_->create_run(run).ok());
  const auto entry = sample_entry("key1", "v1");
  ASSERT_TRUE(store_->put_cached(entry).ok());
  EXPECT_TRUE(store_->claim_cached(entry, run.id, 1, kNow).value());
  EXPECT_EQ(store_->find_cached("key1").value().at(0).hits, 1);
  EXPECT_EQ(store_->claim_cached(entry, run.id, 7, kNow).error().code, ErrorCode::conflict);
  EXPECT_EQ(store_->invalidate_cached({.pipeline = "p", .step = "a"}).value(), 1);
  EXPECT_FALSE(store_->claim_cached(entry, run.id, 1, kNow).value());
}

TEST_F(StoreTest, InvalidatesByKeyStepPipelineOrAll) {
  for (const auto* key : {"k1", "k2", "x1"})
    ASSERT_TRUE(store_->put_cached(sample_entry(key, "v")).ok());
  EXPECT_EQ(store_->invalidate_cached({.key = "k1"}).value(), 1);
  EXPECT_EQ(store_->invalidate_cached({.pipeline = "other"}).value(), 0);
  EXPECT_EQ(store_->list_cached({.step = "a"}).value().size(), 2U);
  EXPECT_EQ(store_->invalidate_cached({}).value(), 2);
}

TEST_F(StoreTest, ListsArtifacts) {
  const auto run = sample_run("20260101-000000-aaaa");
  ASSERT_TRUE(store_->create_run(run).ok());
  Batch batch;
  batch.artifacts = {{.run = run.id,
                      .path = StepPath("a"),
                      .attempt = 1,
                      .output = "model",
                      .pipeline = run.pipeline,
                      .uri = "/s/a/model",
                      .type = "model",
                      .bytes = 9,
                      .rows = 3,
                      .created = kNow}};
  ASSERT_TRUE(store_->commit(run.id, 1, batch).ok());
  EXPECT_EQ(store_->list_artifacts({.run = run.id}).value().at(0).rows, 3);
  EXPECT_TRUE(store_->list_artifacts({.type = "other"}).value().empty());
  EXPECT_EQ(store_->find_artifact("/s/a/model").value()->bytes, 9);
  EXPECT_FALSE(store_->find_artifact("/s/b").value());
}

}  // namespace
}  // namespace stoker::metadata
