#include "metadata/migrator.h"

#include <gtest/gtest.h>

#include <array>

#include "metadata/run_lock.h"
#include "metadata/test_store.h"
#include "runtime/file.h"
#include "runtime/process/process.h"

namespace stoker::metadata {
namespace {

namespace fs = std::filesystem;

constexpr std::array kOld = {Migration{1, "first",
                                       "CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT, program TEXT, "
                                       "applied INTEGER) STRICT; CREATE TABLE things (x INTEGER) STRICT;"}};
constexpr std::array kNew = {
    kOld[0], Migration{2, "second", "ALTER TABLE things ADD COLUMN y TEXT; UPDATE things SET y = 'new'"},
    Migration{3, "third", "CREATE INDEX things_by_y ON things (y)"}};
constexpr std::array kBroken = {kOld[0],
                                Migration{2, "broken", "ALTER TABLE things ADD COLUMN y TEXT; SELECT nonsense"}};

MigratorOptions with(std::span<const Migration> migrations) {
  return {migrations, kBusyTimeout, kNow};
}

class MigratorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(migrate(file_, with(kOld)).ok());
    ASSERT_TRUE(open().execute("INSERT INTO things VALUES (7)").ok());
  }
  Database open(const fs::path& file) { return Database::open(file, Access::read_write, kBusyTimeout).value(); }
  Database open() { return open(file_); }
  std::string text(Database& database, std::string_view sql) {
    auto statement = database.prepare(sql).value();
    EXPECT_TRUE(statement.step().value());
    return statement.text(0);
  }

  TestFolder folder_;
  const fs::path file_ = folder_.path() / kDatabaseFile;
};

TEST_F(MigratorTest, BringsAnOlderDatabaseUpToDateAndKeepsACopy) {
  ASSERT_TRUE(migrate(file_, with(kNew)).ok());
  auto database = open();
  EXPECT_EQ(database.user_version().value(), 3);
  EXPECT_EQ(text(database, "SELECT y FROM things WHERE x = 7"), "new");
  EXPECT_EQ(text(database, "SELECT group_concat(name, ' ') FROM (SELECT name FROM migrations ORDER BY version)"),
            "first second third");
  auto copy = open(file_.string() + ".v1.backup");
  EXPECT_EQ(copy.user_version().value(), 1);
  EXPECT_EQ(text(copy, "SELECT count(*) FROM things WHERE x = 7"), "1");
}

TEST_F(MigratorTest, TwiceIsOnce) {
  ASSERT_TRUE(migrate(file_, with(kNew)).ok());
  ASSERT_TRUE(migrate(file_, with(kNew)).ok());
  auto database = open();
  EXPECT_EQ(text(database, "SELECT count(*) FROM migrations"), "3");
}

TEST_F(MigratorTest, AFailedMigrationChangesNothing) {
  EXPECT_FALSE(migrate(file_, with(kBroken)).ok());
  auto database = open();
  EXPECT_EQ(database.user_version().value(), 1);
  EXPECT_EQ(text(database, "SELECT count(*) FROM pragma_table_info('things')"), "1");
}

TEST_F(MigratorTest, WaitsForNobodyWhoRuns) {
  auto lock = RunLock::try_acquire(folder_.path(), RunId("20260101-000000-runs")).value();
  const auto refused = migrate(file_, with(kNew));
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_NE(refused.error().message.find("20260101-000000-runs"), std::string::npos);
  lock.reset();
  EXPECT_TRUE(migrate(file_, with(kNew)).ok());
}

TEST_F(MigratorTest, RefusesToGoBack) {
  ASSERT_TRUE(migrate(file_, with(kNew)).ok());
  EXPECT_EQ(migrate(file_, with(kOld)).error().code, ErrorCode::newer_version);
}

// What a released schema looks like is a contract: a change is a new migration and a new golden.
TEST(Schema, IsTheGoldenOne) {
  TestFolder folder;
  const auto file = folder.path() / kDatabaseFile;
  ASSERT_TRUE(migrate(file, with(schema_migrations())).ok());
  auto database = Database::open(file, Access::read_only, kBusyTimeout).value();
  auto statement = database.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").value();
  std::string dump;
  while (statement.step().value())
    dump += statement.text(0) + ";\n";
  const auto golden = fs::path(STOKER_TEST_DATA) / "metadata" / "schema-v1.sql";
  if (runtime::current_environment().contains("STOKER_WRITE_GOLDENS")) {
    fs::create_directories(golden.parent_path());
    ASSERT_TRUE(runtime::write_file(golden, dump, 0644).ok());
  }
  EXPECT_EQ(dump, runtime::read_file(golden, 1'000'000).value_or("no golden: run with STOKER_WRITE_GOLDENS=1"));
}

}  // namespace
}  // namespace stoker::metadata
