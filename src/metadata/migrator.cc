#include "metadata/migrator.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "metadata/file_lock.h"
#include "metadata/run_lock.h"
#include "runtime/file.h"

namespace stoker::metadata {

namespace {

namespace fs = std::filesystem;

Error not_ours(const fs::path& file, std::string_view why) {
  return Error{.code = ErrorCode::corrupt,
               .message = fmt::format("{} is not a Stoker database ({})", file.string(), why),
               .hint =
                   "nothing was changed; run `stoker doctor`, or move the file aside and a new one is made, or choose "
                   "another store with --store"};
}

Error newer(const fs::path& file, std::int64_t version, int known) {
  return Error{.code = ErrorCode::newer_version,
               .message = fmt::format("{} was written by a newer Stoker (schema {}, this program knows {})",
                                      file.string(), version, known),
               .hint = "install the newer Stoker, or choose another store with --store"};
}

fs::path with_suffix(const fs::path& file, std::string_view suffix) {
  return fs::path(file.string() + std::string(suffix));
}

Result<std::int64_t> pragma(Database& database, std::string_view name) {
  TRY_ASSIGN(auto statement, database.prepare(name));
  TRY(statement.step());
  return statement.integer(0);
}

Result<void> apply(Database& database, const MigratorOptions& options, std::int64_t from) {
  for (const auto& migration : options.migrations) {
    if (migration.version <= from) continue;
    TRY(database.execute(std::string(migration.sql)).with_context(fmt::format("schema {}", migration.version)));
    TRY_ASSIGN(auto insert,
               database.prepare("INSERT INTO migrations (version, name, program, applied) VALUES (?, ?, ?, ?)"));
    TRY(insert.bind(migration.version).bind(migration.name).bind(STOKER_VERSION).bind(options.now).run());
  }
  return database.execute(fmt::format("PRAGMA user_version = {}", options.migrations.back().version));
}

void remove_database(const fs::path& file) {
  std::error_code ignored;
  for (const auto* suffix : {"", "-wal", "-shm", "-journal"})
    fs::remove(with_suffix(file, suffix), ignored);
}

// Under another name first: a database that exists is whole, so an empty or short one is damage and never a start that
// was cut off.
Result<void> make_new(const fs::path& file, const MigratorOptions& options) {
  const auto draft = with_suffix(file, ".new");
  remove_database(draft);
  auto made = [&]() -> Result<void> {
    TRY_ASSIGN(auto database, Database::open(draft, Access::create, options.busy_timeout));
    if (chmod(draft.c_str(), 0600) != 0) return system_error(draft.string(), errno);
    TRY(database.execute(fmt::format(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA application_id = {}; BEGIN", kApplicationId)));
    TRY(apply(database, options, 0));
    return database.execute("COMMIT");
  }();
  // Closing the last connection moved the log into the file.
  if (made.ok() && rename(draft.c_str(), file.c_str()) != 0) made = system_error(file.string(), errno);
  if (!made.ok()) {
    remove_database(draft);
    return made;
  }
  return runtime::sync_directory(file.parent_path());
}

Result<void> refuse_while_owned(const fs::path& store) {
  TRY_ASSIGN(const auto owned, owned_runs(store));
  if (owned.empty()) return {};
  return Error{.code = ErrorCode::conflict,
               .message = fmt::format("the store {} must be migrated, and an older Stoker is running {} in it",
                                      store.string(), owned.front().str()),
               .hint = "wait until that run has ended, or cancel it, then run the command again",
               .retryable = true};
}

Result<void> keep_copy(Database& database, const fs::path& file, std::int64_t version) {
  const auto backup = with_suffix(file, fmt::format(".v{}.backup", version));
  const auto draft = with_suffix(backup, ".new");
  remove_database(draft);
  auto copied = database.copy_to(draft);
  if (copied.ok() && chmod(draft.c_str(), 0600) != 0) copied = system_error(draft.string(), errno);
  if (copied.ok() && rename(draft.c_str(), backup.c_str()) != 0) copied = system_error(backup.string(), errno);
  if (!copied.ok()) {
    remove_database(draft);
    return std::move(copied).with_context("the copy that is kept before a migration");
  }
  return runtime::sync_directory(file.parent_path());
}

Result<void> bring_up_to_date(const fs::path& file, const MigratorOptions& options) {
  TRY_ASSIGN(auto database, Database::open(file, Access::read_write, options.busy_timeout));
  // A migration that rebuilds a table must not cascade into what points at it.
  TRY(database.execute("PRAGMA foreign_keys = OFF; PRAGMA synchronous = FULL; BEGIN IMMEDIATE"));
  auto migrated = [&]() -> Result<void> {
    // From here no other process writes: each write looks at the version in its own transaction.
    TRY_ASSIGN(const auto version, database.user_version());
    if (version == options.migrations.back().version) return {};
    TRY(refuse_while_owned(file.parent_path()));
    TRY_ASSIGN(auto reader, Database::open(file, Access::read_only, options.busy_timeout));
    TRY(keep_copy(reader, file, version));
    TRY(apply(database, options, version));
    TRY_ASSIGN(auto check, database.prepare("PRAGMA foreign_key_check"));
    TRY_ASSIGN(const bool broken, check.step());
    if (broken)
      return Error{.code = ErrorCode::internal, .message = "the migration breaks a reference of " + check.text(0)};
    return {};
  }();
  if (!migrated.ok()) {
    if (database.in_transaction()) (void)database.execute("ROLLBACK");
    return migrated;
  }
  return database.execute("COMMIT");
}

}  // namespace

Result<SchemaState> inspect_schema(Database& database, const fs::path& file, std::span<const Migration> migrations) {
  struct stat status{};
  if (stat(file.c_str(), &status) == 0 && status.st_size == 0) return not_ours(file, "it is empty");
  TRY_ASSIGN(const auto application, pragma(database, "PRAGMA application_id"));
  if (application != kApplicationId) return not_ours(file, "another program's mark");
  TRY_ASSIGN(const auto version, database.user_version());
  const int known = migrations.back().version;
  if (version > known) return newer(file, version, known);
  if (version <= 0) return not_ours(file, "no schema version");
  return version == known ? SchemaState::current : SchemaState::older;
}

Result<void> migrate(const fs::path& file, const MigratorOptions& options) {
  TRY_ASSIGN(const auto lock, FileLock::acquire(with_suffix(file, ".migrate"), options.busy_timeout));
  struct stat status{};
  if (stat(file.c_str(), &status) != 0) {
    if (errno != ENOENT) return system_error(file.string(), errno);
    return make_new(file, options);
  }
  SchemaState state = SchemaState::current;
  {
    TRY_ASSIGN(auto database, Database::open(file, Access::read_only, options.busy_timeout));
    TRY_ASSIGN(state, inspect_schema(database, file, options.migrations));
  }
  if (state == SchemaState::older) return bring_up_to_date(file, options);
  return {};
}

}  // namespace stoker::metadata
