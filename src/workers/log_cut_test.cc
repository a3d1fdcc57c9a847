#include "workers/log_cut.h"

#include <gtest/gtest.h>

#include "runtime/file.h"

namespace stoker::workers {
namespace {

class LogCutTest : public testing::Test {
 protected:
  void append(const std::string& text) {
    auto file = runtime::open_file(source_, runtime::OpenMode::append);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(runtime::write_all(file->get(), text).ok());
  }
  std::string cut() { return runtime::read_file(destination_, 1 << 24).value_or("none"); }

  runtime::TemporaryDirectory folder_ = runtime::TemporaryDirectory::make("log-cut").value();
  runtime::Path source_ = folder_.path() / "jvm.log";
  runtime::Path destination_ = folder_.path() / "spark.log";
};

TEST_F(LogCutTest, TakesItsPartAndNoMore) {
  append("before\n");
  auto cut = LogCut::begin(source_, destination_);
  ASSERT_TRUE(cut.ok());
  append("during\n");
  ASSERT_TRUE(cut->advance().ok());
  append("more\n");
  ASSERT_TRUE(cut->advance().ok());
  append("after\n");
  EXPECT_EQ(this->cut(), "during\nmore\n");
  EXPECT_FALSE(cut->saw_out_of_memory());
}

TEST_F(LogCutTest, SeesAWordCutInTwo) {
  append("");
  auto cut = LogCut::begin(source_, {});
  ASSERT_TRUE(cut.ok());
  append("x java.lang.OutOfMem");
  ASSERT_TRUE(cut->advance().ok());
  EXPECT_FALSE(cut->saw_out_of_memory());
  append("oryError: Java heap space");
  ASSERT_TRUE(cut->advance().ok());
  EXPECT_TRUE(cut->saw_out_of_memory());
}

TEST_F(LogCutTest, CopiesALot) {
  append("");
  auto cut = LogCut::begin(source_, destination_);
  ASSERT_TRUE(cut.ok());
  std::string much(3'000'001, 'x');
  append(much);
  ASSERT_TRUE(cut->advance().ok());
  EXPECT_EQ(this->cut().size(), much.size());
}

}  // namespace
}  // namespace stoker::workers
