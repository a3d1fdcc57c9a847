#include "runtime/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/sha256.h"

namespace stoker::runtime {
namespace {

namespace fs = std::filesystem;

class File : public testing::Test {
 protected:
  TemporaryDirectory folder_ = TemporaryDirectory::make("stoker file \xc3\xa4 ").value();
  Path path(std::string_view name) const { return folder_.path() / name; }
};

TEST_F(File, AtomicWriteReplacesAndLeavesNothingElse) {
  ASSERT_TRUE(write_file_atomically(path("a"), "one"));
  ASSERT_TRUE(write_file_atomically(path("a"), std::string("two\0three", 9), 0640));
  EXPECT_EQ(read_file(path("a"), 100).value(), std::string("two\0three", 9));
  struct stat info{};
  ASSERT_EQ(::stat(path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(File, AFailedWriteKeepsTheOldFile) {
  ASSERT_TRUE(make_directories(path("d")));
  EXPECT_FALSE(write_file_atomically(path("d"), "x").ok());  // a folder is in the way of the rename
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1) << "the temporary file is gone";
  EXPECT_EQ(write_file_atomically(path("no/file"), "x").error().code, ErrorCode::not_found);
}

TEST_F(File, ReadsWithinALimit) {
  ASSERT_TRUE(write_file(path("a"), std::string(1000, 'x')));
  EXPECT_EQ(read_file(path("a"), 1000)->size(), 1000u);
  EXPECT_EQ(read_file(path("a"), 999).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(read_file("/dev/zero", 1'000'000).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(read_file(path("missing"), 10).error().code, ErrorCode::not_found);
}

TEST_F(File, ReadsTails) {
  ASSERT_TRUE(write_file(path("a"), "0123456789"));
  EXPECT_EQ(read_file_tail(path("a"), 4).value(), "6789");
  EXPECT_EQ(read_file_tail(path("a"), 40).value(), "0123456789");
}

TEST_F(File, HashesByStreaming) {
  std::string content(1'000'000, 'x');
  ASSERT_TRUE(write_file(path("a"), content));
  auto digest = hash_file(path("a"));
  ASSERT_TRUE(digest);
  EXPECT_EQ(digest->hex, codec::sha256_hex(content));
  EXPECT_EQ(digest->bytes, content.size());
  StopSource stop;
  stop.request_stop();
  EXPECT_EQ(hash_file(path("a"), stop.get_token()).error().code, ErrorCode::cancelled);
}

TEST_F(File, MakesPrivateFolders) {
  ASSERT_TRUE(make_directories(path("a/b/c")));
  ASSERT_TRUE(make_directories(path("a/b/c")));
  struct stat info{};
  ASSERT_EQ(::stat(path("a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_TRUE(write_file(path("file"), ""));
  EXPECT_FALSE(make_directories(path("file/below")).ok());
  EXPECT_FALSE(make_directories(path("file")).ok());
}

TEST_F(File, SyncsATreeWithLinks) {
  ASSERT_TRUE(make_directories(path("t/u")));
  ASSERT_TRUE(write_file(path("t/u/f"), "x"));
  fs::create_symlink("/nowhere", path("t/link"));
  EXPECT_TRUE(sync_tree(path("t")).ok());
}

TEST_F(File, StampTellsAChange) {
  ASSERT_TRUE(write_file(path("a"), "x"));
  auto before = stamp_file(path("a")).value();
  EXPECT_EQ(stamp_file(path("a")).value(), before);
  ASSERT_TRUE(write_file(path("a"), "y"));
  EXPECT_NE(stamp_file(path("a")).value(), before);
}

TEST_F(File, SaysWhatIsAtAPath) {
  EXPECT_EQ(path_state(path("a")), "absent");
  ASSERT_TRUE(write_file(path("a"), "x"));
  EXPECT_EQ(path_state(path("a")), "file");
  EXPECT_EQ(path_state(path("a") / "b"), "absent");
  EXPECT_EQ(path_state(folder_.path()), "folder");
  EXPECT_EQ(path_state("/dev/null"), "other");
  fs::create_symlink("a", path("link"));
  EXPECT_EQ(path_state(path("link")), "link file a");
  fs::remove(path("a"));
  EXPECT_EQ(path_state(path("link")), "link absent a");
}

TEST_F(File, TemporaryDirectoriesGoWithTheirScope) {
  Path gone;
  {
    auto made = TemporaryDirectory::make("x", folder_.path()).value();
    gone = made.path();
    ASSERT_TRUE(write_file(gone / "f", "x"));
    auto moved = std::move(made);
    EXPECT_TRUE(fs::exists(gone));
  }
  EXPECT_FALSE(fs::exists(gone));
  EXPECT_GT(free_space(folder_.path()).value(), 0u);
}

}  // namespace
}  // namespace stoker::runtime
