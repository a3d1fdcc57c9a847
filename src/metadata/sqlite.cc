#include "metadata/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <utility>

namespace stoker::metadata {

namespace {

constexpr int kCopyPagesAtOnce = 4096;
// A value of the greatest depth that codec reads, inside the maps that rows put around it.
constexpr std::size_t kMaximumRowDepth = 4 * codec::kMaximumJsonDepth;

Error corrupt_error(sqlite3* connection, std::string what) {
  const char* file = connection != nullptr ? sqlite3_db_filename(connection, "main") : nullptr;
  return Error{.code = ErrorCode::corrupt,
               .message = fmt::format("the database {} is damaged ({})", file != nullptr ? file : "", what),
               .hint =
                   "nothing was changed and artifacts are not touched; run `stoker doctor` to see what can be read, "
                   "or move the file (with its -wal and -shm) aside and a new one is made"};
}

Error full_error(const std::string& file) {
  return Error{.code = ErrorCode::disk_full,
               .message = fmt::format("no space left for the database {}", file),
               .hint = "free some space (`stoker gc` helps), then run the command again; nothing is lost"};
}

// The error of a failed call. Texts are for the user of a pipeline, so they name the file, not the SQL.
Error sqlite_error(sqlite3* connection, int result) {
  const int extended = connection != nullptr ? sqlite3_extended_errcode(connection) : result;
  const std::string text = connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(result);
  const char* name = connection != nullptr ? sqlite3_db_filename(connection, "main") : nullptr;
  const std::string file = name != nullptr ? name : "";
  const int system_number = connection != nullptr ? sqlite3_system_errno(connection) : 0;
  switch (result & 0xff) {
    case SQLITE_FULL: return full_error(file);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return corrupt_error(connection, text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error{.code = ErrorCode::unavailable,
                   .message = fmt::format("the database {} is busy with other writers", file),
                   .hint = "run the command again",
                   .retryable = true};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Error{.code = ErrorCode::permission,
                   .message = fmt::format("the database {} cannot be written ({})", file, text),
                   .hint = "check the owner and the mode of the store folder, or choose another with --store"};
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: {
      if (system_number == ENOSPC || system_number == EDQUOT) return full_error(file);
      if (system_number != 0) return system_error(fmt::format("the database {}", file), system_number);
      if (extended == SQLITE_IOERR_SHORT_READ || extended == SQLITE_IOERR_CORRUPTFS)
        return corrupt_error(connection, text);
      return Error{.code = ErrorCode::io, .message = fmt::format("the database {}: {}", file, text)};
    }
    case SQLITE_TOOBIG:
      return Error{.code = ErrorCode::limit_exceeded,
                   .message = fmt::format("a value is too large for the database {}", file)};
    default: return Error{.code = ErrorCode::internal, .message = fmt::format("database {}: {}", file, text)};
  }
}

// Waits that grow to a few milliseconds. SQLite's own handler sleeps up to 100 ms, with which one of several busy
// writers starves.
int wait_while_busy(void* deadline_ms, int count) {
  constexpr std::array<int, 6> kWaitsMicroseconds = {50, 100, 250, 500, 1000, 2000};
  constexpr int kLongestMicroseconds = 5000;
  const auto limit = reinterpret_cast<std::intptr_t>(deadline_ms) * 1000;
  const auto steps = static_cast<int>(kWaitsMicroseconds.size());
  std::int64_t waited = 0;
  for (int i = 0; i < std::min(count, steps); ++i)
    waited += kWaitsMicroseconds[static_cast<std::size_t>(i)];
  if (count > steps) waited += static_cast<std::int64_t>(count - steps) * kLongestMicroseconds;
  if (waited >= limit) return 0;
  const int next = count < steps ? kWaitsMicroseconds[static_cast<std::size_t>(count)] : kLongestMicroseconds;
  usleep(static_cast<useconds_t>(next));
  return 1;
}

std::string file_uri(const std::filesystem::path& file, bool immutable) {
  // SQLite reads %HH in a URI, and `?` and `#` would end the path.
  std::string uri = "file:";
  for (const char c : file.string()) {
    if (c == '%' || c == '?' || c == '#') {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  return immutable ? uri + "?immutable=1" : uri;
}

}  // namespace

// --- Statement -------------------------------------------------------------------------------------------------------

Statement::Statement(Statement&& other) noexcept
    : cached_(std::exchange(other.cached_, nullptr)), next_(other.next_), bind_failure_(other.bind_failure_) {}

Statement::~Statement() {
  if (cached_ == nullptr) return;
  sqlite3_reset(handle());
  sqlite3_clear_bindings(handle());
  cached_->in_use = false;
}

void Statement::note(int result) {
  if (result != SQLITE_OK && bind_failure_ == 0) bind_failure_ = result;
}

Statement& Statement::bind(std::string_view text) {
  // A null pointer would bind NULL.
  note(sqlite3_bind_text64(handle(), next_++, text.data() != nullptr ? text.data() : "", text.size(), SQLITE_TRANSIENT,
                           SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  note(sqlite3_bind_int64(handle(), next_++, number));
  return *this;
}

Statement& Statement::bind(const json::value& value) {
  if (value.is_null()) return bind_null();
  return bind(codec::write_json(value));
}

Statement& Statement::bind_null() {
  note(sqlite3_bind_null(handle(), next_++));
  return *this;
}

Statement& Statement::again() {
  sqlite3_reset(handle());
  next_ = 1;
  return *this;
}

Result<bool> Statement::step() {
  if (bind_failure_ != 0) return sqlite_error(sqlite3_db_handle(handle()), bind_failure_);
  const int result = sqlite3_step(handle());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return sqlite_error(sqlite3_db_handle(handle()), result);
}

Result<void> Statement::run() {
  for (;;) {
    TRY_ASSIGN(const bool row, step());
    if (!row) break;
  }
  sqlite3_reset(handle());
  return {};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle(), column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle(), column);
}

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle(), column));
  const int size = sqlite3_column_bytes(handle(), column);
  return bytes != nullptr ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

WallTime Statement::time(int column) const {
  return WallTime(std::chrono::milliseconds(integer(column)));
}

std::optional<WallTime> Statement::optional_time(int column) const {
  if (is_null(column)) return std::nullopt;
  return time(column);
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

Result<json::value> Statement::document(int column) const {
  if (is_null(column)) return json::value();
  // An error message may quote the bytes of a program: what was written must be readable.
  auto value = codec::parse_json(text(column), {.maximum_depth = kMaximumRowDepth, .allow_invalid_utf8 = true});
  if (!value.ok()) return corrupt_error(sqlite3_db_handle(handle()), value.error().message);
  return value;
}

// --- Database --------------------------------------------------------------------------------------------------------

void Database::Close::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);
}

Database::~Database() {
  for (auto& [sql, cached] : statements_)
    sqlite3_finalize(cached->handle);
}

Result<Database> Database::open(const std::filesystem::path& file, Access access,
                                std::chrono::milliseconds busy_timeout) {
  int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (access) {
    case Access::create: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE; break;
    case Access::read_write: flags |= SQLITE_OPEN_READWRITE; break;
    case Access::read_only:
    case Access::immutable: flags |= SQLITE_OPEN_READONLY; break;
  }
  sqlite3* raw = nullptr;
  const int result = sqlite3_open_v2(file_uri(file, access == Access::immutable).c_str(), &raw, flags, nullptr);
  Database database;
  database.connection_.reset(raw);
  if (result != SQLITE_OK) {
    Error error = sqlite_error(raw, result);
    if (error.message.find(file.string()) == std::string::npos) error.message += fmt::format(" ({})", file.string());
    return error;
  }
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the handler's argument is a number in a pointer's place, never followed
  sqlite3_busy_handler(raw, wait_while_busy, reinterpret_cast<void*>(static_cast<std::intptr_t>(busy_timeout.count())));
  // A database from a stranger may not run code through its schema; a damaged page is found when it is read.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  TRY(
      database.execute("PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; "
                       "PRAGMA secure_delete = OFF;"));
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  std::string key(sql);
  const auto [first, last] = statements_.equal_range(key);
  for (auto it = first; it != last; ++it) {
    if (!it->second->in_use) {
      it->second->in_use = true;
      return Statement(it->second.get());
    }
  }
  auto cached = std::make_unique<Statement::Cached>();
  const int result = sqlite3_prepare_v3(connection_.get(), key.data(), static_cast<int>(key.size()),
                                        SQLITE_PREPARE_PERSISTENT, &cached->handle, nullptr);
  if (result != SQLITE_OK) return sqlite_error(connection_.get(), result);
  cached->in_use = true;
  auto* pointer = cached.get();
  statements_.emplace(std::move(key), std::move(cached));
  return Statement(pointer);
}

Result<void> Database::execute(const std::string& script) {
  const int result = sqlite3_exec(connection_.get(), script.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return sqlite_error(connection_.get(), result);
  return {};
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(connection_.get());
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(connection_.get()) == 0;
}

Result<std::int64_t> Database::user_version() {
  TRY_ASSIGN(auto statement, prepare("PRAGMA user_version"));
  TRY(statement.step());
  return statement.integer(0);
}

Result<void> Database::copy_to(const std::filesystem::path& file) {
  TRY_ASSIGN(auto target, open(file, Access::create, std::chrono::milliseconds(0)));
  sqlite3_backup* backup = sqlite3_backup_init(target.connection_.get(), "main", connection_.get(), "main");
  if (backup == nullptr) return sqlite_error(target.connection_.get(), sqlite3_errcode(target.connection_.get()));
  int result = SQLITE_OK;
  while (result == SQLITE_OK)
    result = sqlite3_backup_step(backup, kCopyPagesAtOnce);
  const int finished = sqlite3_backup_finish(backup);
  if (finished != SQLITE_OK) return sqlite_error(target.connection_.get(), finished);
  if (result != SQLITE_DONE) return sqlite_error(nullptr, result);
  return {};
}

Result<std::string> Database::quick_check() {
  TRY_ASSIGN(auto statement, prepare("PRAGMA quick_check(20)"));
  std::string problems;
  for (;;) {
    TRY_ASSIGN(const bool row, statement.step());
    if (!row) break;
    if (const auto line = statement.text(0); line != "ok") problems += (problems.empty() ? "" : "; ") + line;
  }
  return problems;
}

}  // namespace stoker::metadata
