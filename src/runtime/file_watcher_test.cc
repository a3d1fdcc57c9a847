#include "runtime/file_watcher.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace stoker::runtime {
namespace {

using std::chrono::milliseconds;

class FileWatcherTest : public testing::Test {
 protected:
  // Runs the loop until the file exists in a callback's eyes; the safety net cannot help, for the clock stands still.
  bool seen_after(const Path& path, const std::function<void()>& make) {
    bool seen = false;
    auto id = watcher_.watch(path, [&] { seen = seen || std::filesystem::exists(path); });
    loop_.run_once(milliseconds(0));
    EXPECT_FALSE(seen);
    make();
    for (int round = 0; round < 20 && !seen; ++round)
      loop_.run_once(milliseconds(500));
    watcher_.forget(id);
    return seen;
  }

  ManualClock clock_;
  EventLoop loop_{clock_};
  FileWatcher watcher_{loop_};
  TemporaryDirectory folder_ = TemporaryDirectory::make("stoker-watch-").value();
};

TEST_F(FileWatcherTest, SeesAFileComeByRename) {
  Path path = folder_.path() / "result.json";
  EXPECT_TRUE(seen_after(path, [&] { ASSERT_TRUE(write_file(path, "{}")); }));
}

TEST_F(FileWatcherTest, SeesAFileComeWithItsFolders) {
  Path path = folder_.path() / "a" / "b" / "file";
  EXPECT_TRUE(seen_after(path, [&] {
    ASSERT_TRUE(make_directories(path.parent_path()));
    ASSERT_TRUE(write_file(path, ""));
  }));
}

TEST_F(FileWatcherTest, SeesAFileThatCameBetweenTwoLooks) {
  Path path = folder_.path() / "a" / "file";
  EXPECT_TRUE(seen_after(path, [&] {
    ASSERT_TRUE(make_directories(path.parent_path()));
    loop_.run_once(milliseconds(0));
    ASSERT_TRUE(write_file(path, ""));
  }));
}

TEST_F(FileWatcherTest, LooksByItselfAsASafetyNet) {
  int calls = 0;
  watcher_.watch("/proc/self/no-such-file", [&] { ++calls; });
  loop_.run_once(milliseconds(0));
  EXPECT_EQ(calls, 1);
  clock_.advance(FileWatcher::kSafetyNet);
  loop_.run_once(milliseconds(0));
  EXPECT_EQ(calls, 2);
}

TEST_F(FileWatcherTest, SeesAppendsWhenAskedTo) {
  const Path path = folder_.path() / "log";
  ASSERT_TRUE(write_file(path, "one"));
  int seen = 0;
  const auto entries = watcher_.watch(path, [] {});
  const auto appends = watcher_.watch(path, [&] { ++seen; }, Changes::appends);
  loop_.run_once(milliseconds(0));
  seen = 0;
  auto file = open_file(path, OpenMode::append);
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(::write(file->get(), "two", 3), 3);
  for (int round = 0; round < 20 && seen == 0; ++round)
    loop_.run_once(milliseconds(500));
  EXPECT_GT(seen, 0);
  watcher_.forget(entries);
  watcher_.forget(appends);
}

TEST_F(FileWatcherTest, AForgottenPathIsQuiet) {
  Path path = folder_.path() / "file";
  int calls = 0;
  auto id = watcher_.watch(path, [&] { ++calls; });
  auto other = watcher_.watch(path, [&] { watcher_.forget(id); });
  watcher_.forget(id);
  ASSERT_TRUE(write_file(path, ""));
  loop_.run_once(milliseconds(100));
  loop_.run_once(milliseconds(0));
  EXPECT_EQ(calls, 0);
  watcher_.forget(other);
  watcher_.forget(other);
}

}  // namespace
}  // namespace stoker::runtime
