// Many processes, killed writers, full disks, damaged and foreign files.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <thread>

#include "metadata/migrator.h"
#include "metadata/run_lock.h"
#include "metadata/test_store.h"
#include "runtime/file.h"

namespace stoker::metadata {
namespace {

namespace fs = std::filesystem;

// Runs `body` in a child process; its value is the exit status. Must be called while this process has no store open.
template <class Body>
pid_t in_child(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

Batch one_event(std::int64_t seq) {
  Batch batch;
  batch.events = {{.seq = seq, .time = kNow, .type = "step.started", .payload = {{"seq", seq}}}};
  batch.steps = {sample_step(fmt::format("step[{}]", seq % 7), fmt::format("state {}", seq))};
  return batch;
}

TEST(StoreConcurrency, ThreadsOfOneProcessLoseNothing) {
  constexpr int kThreads = 8;
  constexpr int kCommits = 100;
  TestFolder folder;
  auto store = open_store(folder.path());
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const auto run = sample_run(fmt::format("20260101-000000-t{:03}", t));
      EXPECT_TRUE(store->create_run(run).ok());
      for (int i = 1; i <= kCommits; ++i)
        EXPECT_TRUE(store->commit(run.id, 1, one_event(i)).ok());
      EXPECT_EQ(store->last_event(run.id).value(), kCommits);
    });
  }
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(store->list_runs({.limit = 0}).value().size(), static_cast<std::size_t>(kThreads));
}

TEST(StoreConcurrency, ProcessesShareAStoreFromItsFirstMoment) {
  constexpr int kProcesses = 5;
  constexpr int kCommits = 60;
  TestFolder folder;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    children.push_back(in_child([&, p] {
      auto store = Store::open(folder.path());
      if (!store.ok()) return 1;
      const auto run = sample_run(fmt::format("20260101-000000-p{:03}", p));
      if (!(*store)->create_run(run).ok()) return 2;
      for (int i = 1; i <= kCommits; ++i) {
        if (!(*store)->commit(run.id, 1, one_event(i)).ok()) return 3;
        if (!(*store)->list_runs().ok()) return 4;
        if (!(*store)->request_cancel(run.id, kNow).ok()) return 5;
      }
      return 0;
    }));
  }
  for (const auto child : children)
    EXPECT_EQ(wait_for(child), 0);
  auto store = open_store(folder.path());
  const auto runs = store->list_runs({.limit = 0}).value();
  EXPECT_EQ(runs.size(), static_cast<std::size_t>(kProcesses));
  for (const auto& run : runs)
    EXPECT_EQ(store->last_event(run.id).value(), kCommits);
}

// The child tells each commit that returned through a pipe; all that it told must be there after the kill.
TEST(StoreKill, WhatACommitReturnedSurvivesKill9) {
  std::mt19937 random(20260101);
  for (int round = 0; round < 8; ++round) {
    TestFolder folder;
    int told[2];
    ASSERT_EQ(pipe(told), 0);
    const pid_t child = in_child([&] {
      auto store = open_store(folder.path());
      const auto run = sample_run("20260101-000000-kill");
      if (!store->create_run(run).ok()) return 1;
      for (std::int64_t i = 1;; ++i) {
        if (!store->commit(run.id, 1, one_event(i)).ok()) return 2;
        if (write(told[1], &i, sizeof(i)) != sizeof(i)) return 3;
      }
    });
    close(told[1]);
    const auto kill_after = static_cast<std::int64_t>(random() % 200 + 1);
    std::int64_t last = 0;
    while (last < kill_after && read(told[0], &last, sizeof(last)) == sizeof(last)) {
    }
    kill(child, SIGKILL);
    wait_for(child);
    for (std::int64_t more = 0; read(told[0], &more, sizeof(more)) == sizeof(more);)
      last = more;
    close(told[0]);

    auto store = open_store(folder.path());
    const RunId run("20260101-000000-kill");
    const auto events = store->events(run, 1, 0).value();
    ASSERT_GE(static_cast<std::int64_t>(events.size()), last);
    // One commit may have been done and not told.
    ASSERT_LE(static_cast<std::int64_t>(events.size()), last + 1);
    // Event and row of the same commit are both there.
    const auto newest = events.back().seq;
    EXPECT_EQ(store->load_step(run, StepPath(fmt::format("step[{}]", newest % 7))).value().state,
              fmt::format("state {}", newest));
    EXPECT_EQ(store->take_over(run, "after the kill").value(), 2);
    EXPECT_TRUE(store->commit(run, 2, one_event(newest + 1)).ok());
  }
}

TEST(RunLockTest, OneHolderEvenInTheSameProcessAndFreedByDeath) {
  TestFolder folder;
  const RunId run("20260101-000000-lock");
  EXPECT_FALSE(is_owned(folder.path(), run).value());
  {
    auto lock = RunLock::try_acquire(folder.path(), run).value();
    ASSERT_TRUE(lock);
    EXPECT_FALSE(RunLock::try_acquire(folder.path(), run).value());
    EXPECT_TRUE(is_owned(folder.path(), run).value());
    EXPECT_EQ(owned_runs(folder.path()).value(), std::vector<RunId>{run});
  }
  EXPECT_FALSE(is_owned(folder.path(), run).value());

  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = in_child([&] {
    auto lock = RunLock::try_acquire(folder.path(), run).value();
    if (write(ready[1], "x", 1) != 1) return 1;
    pause();
    return 0;
  });
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_TRUE(is_owned(folder.path(), run).value());
  EXPECT_FALSE(RunLock::try_acquire(folder.path(), run).value());
  kill(child, SIGKILL);
  wait_for(child);
  EXPECT_TRUE(RunLock::try_acquire(folder.path(), run).value());
  close(ready[0]);
  close(ready[1]);
}

TEST(RunLockTest, ALockOnARemovedFolderIsNotHeld) {
  TestFolder folder;
  const RunId run("20260101-000000-lock");
  auto old = RunLock::try_acquire(folder.path(), run).value();
  fs::remove_all(run_folder(folder.path(), run));
  EXPECT_TRUE(RunLock::try_acquire(folder.path(), run).value());
}

// A small tmpfs; empty when this process may not mount.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& at) : at_(at) {
    fs::create_directory(at_);
    mounted_ = mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=1m,mode=0700") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(at_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  fs::path at_;
  bool mounted_ = false;
};

TEST(StoreFullDisk, SaysSoLosesNothingAndGoesOnAfterwards) {
  TestFolder folder;
  const auto disk_folder = folder.path() / "small";
  SmallDisk disk(disk_folder);
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  const auto run = sample_run("20260101-000000-full");
  std::int64_t seq = 0;
  {
    auto store = open_store(disk_folder);
    ASSERT_TRUE(store->create_run(run).ok());
    const fs::path ballast = disk_folder / "ballast";
    ASSERT_TRUE(runtime::write_file(ballast, std::string(300'000, 'x')).ok());
    Result<void> written;
    while (written.ok()) {
      auto batch = one_event(seq + 1);
      batch.steps[0].inputs = std::string(4000, 'y');
      written = store->commit(run.id, 1, batch);
      if (written.ok()) ++seq;
      ASSERT_LT(seq, 10'000);
    }
    EXPECT_EQ(written.error().code, ErrorCode::disk_full) << written.error().describe();
    EXPECT_FALSE(written.error().hint.empty());
    EXPECT_EQ(store->last_event(run.id).value(), seq);
    EXPECT_EQ(store->commit(run.id, 1, one_event(seq + 1)).ok() ? ++seq : seq, store->last_event(run.id).value());
    fs::remove(ballast);
    ASSERT_TRUE(store->commit(run.id, 1, one_event(seq + 1)).ok());
  }
  EXPECT_EQ(open_store(disk_folder)->last_event(run.id).value(), seq + 1);
}

TEST(StoreFullDisk, AStoreThatCannotBeMadeLeavesNoHalfDatabase) {
  TestFolder folder;
  const auto disk_folder = folder.path() / "small";
  SmallDisk disk(disk_folder);
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  std::ofstream(disk_folder / "ballast") << std::string(2'000'000, 'x');
  EXPECT_EQ(Store::open(disk_folder).error().code, ErrorCode::disk_full);
  EXPECT_FALSE(fs::exists(disk_folder / kDatabaseFile));
  fs::remove(disk_folder / "ballast");
  EXPECT_TRUE(Store::open(disk_folder).ok());
}

class DamagedStore : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = open_store(folder_.path());
    const auto run = sample_run("20260101-000000-aaaa");
    ASSERT_TRUE(store->create_run(run).ok());
    for (int i = 1; i < 200; ++i)
      ASSERT_TRUE(store->commit(run.id, 1, one_event(i)).ok());
  }
  fs::path file() const { return folder_.path() / kDatabaseFile; }
  void overwrite(const std::string& content) { std::ofstream(file(), std::ios::binary | std::ios::trunc) << content; }
  Error open_error() { return Store::open(folder_.path()).error(); }

  TestFolder folder_;
};

TEST_F(DamagedStore, AForeignFileIsRefusedAndKept) {
  overwrite(std::string(9000, 'z'));
  const auto error = open_error();
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_NE(error.message.find(file().string()), std::string::npos) << error.message;
  EXPECT_NE(error.hint.find("stoker doctor"), std::string::npos);
  EXPECT_EQ(fs::file_size(file()), 9000U);
}

TEST_F(DamagedStore, AnEmptyFileIsDamageAndNotANewStore) {
  overwrite("");
  EXPECT_EQ(open_error().code, ErrorCode::corrupt);
  EXPECT_EQ(fs::file_size(file()), 0U);
}

TEST_F(DamagedStore, AnotherProgramsDatabaseIsRefused) {
  fs::remove(file());
  auto other = Database::open(file(), Access::create, kBusyTimeout).value();
  ASSERT_TRUE(other.execute("CREATE TABLE theirs (x)").ok());
  EXPECT_EQ(open_error().code, ErrorCode::corrupt);
}

TEST_F(DamagedStore, ATruncatedFileIsReportedWhenItIsRead) {
  fs::resize_file(file(), fs::file_size(file()) / 2 / 4096 * 4096 + 100);
  auto store = Store::open(folder_.path());
  const auto error = store.ok() ? (*store)->events(RunId("20260101-000000-aaaa"), 1, 0).error() : store.error();
  EXPECT_EQ(error.code, ErrorCode::corrupt) << error.describe();
}

TEST_F(DamagedStore, TheIntegrityCheckFindsADamagedPage) {
  EXPECT_EQ(open_store(folder_.path())->check_integrity().value(), "");
  auto content = runtime::read_file(file(), 10'000'000).value();
  content.replace(content.size() - 4096, 4096, std::string(4096, 'x'));
  overwrite(content);
  auto store = Store::open(folder_.path());
  if (!store.ok()) return;
  const auto problems = (*store)->check_integrity();
  EXPECT_TRUE(!problems.ok() || !problems->empty());
}

TEST_F(DamagedStore, RandomDamageNeverCrashes) {
  const auto sound = runtime::read_file(file(), 10'000'000).value();
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    auto damaged = sound;
    for (int i = 0; i < 50; ++i)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    overwrite(damaged);
    auto store = Store::open(folder_.path());
    if (!store.ok()) continue;
    const RunId run("20260101-000000-aaaa");
    (void)(*store)->list_runs({.count_steps = true});
    (void)(*store)->load_run(run);
    (void)(*store)->load_steps(run);
    (void)(*store)->events(run, 1, 0);
    (void)(*store)->commit(run, 1, one_event(5000));
  }
}

TEST_F(DamagedStore, ANewerSchemaIsRefused) {
  {
    auto database = Database::open(file(), Access::read_write, kBusyTimeout).value();
    ASSERT_TRUE(database.execute("PRAGMA user_version = 99").ok());
  }
  const auto error = open_error();
  EXPECT_EQ(error.code, ErrorCode::newer_version);
  EXPECT_NE(error.message.find("schema 99"), std::string::npos);
}

TEST_F(DamagedStore, AnOpenStoreStopsWritingOnceTheSchemaIsNewer) {
  auto store = open_store(folder_.path());
  ASSERT_TRUE(store->commit(RunId("20260101-000000-aaaa"), 1, one_event(1000)).ok());
  auto database = Database::open(file(), Access::read_write, kBusyTimeout).value();
  ASSERT_TRUE(database.execute("PRAGMA user_version = 99").ok());
  EXPECT_EQ(store->commit(RunId("20260101-000000-aaaa"), 1, one_event(1001)).error().code, ErrorCode::newer_version);
}

TEST(StoreFolder, WhatIsMissingIsNotFound) {
  TestFolder folder;
  EXPECT_EQ(Store::open(folder.path() / "none", {.create = false}).error().code, ErrorCode::not_found);
  EXPECT_EQ(Store::open(folder.path(), {.read_only = true}).error().code, ErrorCode::not_found);
  std::ofstream(folder.path() / "file") << "x";
  EXPECT_EQ(Store::open(folder.path() / "file").error().code, ErrorCode::invalid_value);
}

TEST(StoreFolder, IsPrivate) {
  TestFolder folder;
  open_store(folder.path() / "deep" / "store");
  EXPECT_EQ(fs::status(folder.path() / "deep" / "store").permissions(), fs::perms::owner_all);
  const auto file = fs::status(folder.path() / "deep" / "store" / kDatabaseFile).permissions();
  EXPECT_EQ(file & (fs::perms::group_all | fs::perms::others_all), fs::perms::none);
}

TEST(StoreFolder, AReadOnlyFolderCanBeReadAndSaysThatItCannotBeWritten) {
  TestFolder folder;
  const auto store_folder = folder.path() / "store";
  {
    ASSERT_TRUE(open_store(store_folder)->create_run(sample_run("20260101-000000-aaaa")).ok());
  }
  fs::permissions(folder.path(), fs::perms(0755));
  fs::permissions(store_folder, fs::perms(0555));
  fs::permissions(store_folder / kDatabaseFile, fs::perms(0444));
  // Root may write anywhere: the child becomes nobody.
  constexpr uid_t kNobody = 65534;
  const pid_t child = in_child([&] {
    if (geteuid() == 0 && setuid(kNobody) != 0) return 1;
    auto store = Store::open(store_folder);
    if (!store.ok()) return 2;
    if ((*store)->list_runs().value().size() != 1) return 3;
    const auto written = (*store)->create_run(sample_run("20260101-000000-bbbb"));
    if (written.ok() || written.error().code != ErrorCode::permission) return 4;
    return Store::open(store_folder / "sub").error().code == ErrorCode::permission ? 0 : 5;
  });
  EXPECT_EQ(wait_for(child), 0);
  fs::permissions(store_folder, fs::perms(0700));
}

}  // namespace
}  // namespace stoker::metadata
