// A thin, honest layer over SQLite: one connection, its cached statements, and errors that a person can act on. Knows
// no table.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "codec/json.h"

struct sqlite3;
struct sqlite3_stmt;

namespace stoker::metadata {

// Reset and given back to its connection's cache at the end of its scope. Binds count from 1 in the order of the calls,
// columns from 0.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(std::string_view text);
  Statement& bind(const char* text) { return bind(std::string_view(text)); }
  Statement& bind(const std::string& text) { return bind(std::string_view(text)); }
  Statement& bind(std::int64_t number);
  Statement& bind(int number) { return bind(static_cast<std::int64_t>(number)); }
  Statement& bind(bool flag) { return bind(static_cast<std::int64_t>(flag)); }
  Statement& bind(WallTime time) { return bind(static_cast<std::int64_t>(time.time_since_epoch().count())); }
  Statement& bind(const json::value& value);  // null: NULL
  Statement& bind_null();
  template <class T>
  Statement& bind(const std::optional<T>& value) {
    return value ? bind(*value) : bind_null();
  }
  // Starts anew, for the next row of an insert.
  Statement& again();

  // true: a row is there.
  Result<bool> step();
  // To the end; rows are dropped.
  Result<void> run();

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string text(int column) const;
  WallTime time(int column) const;
  std::optional<WallTime> optional_time(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;
  // corrupt when it is not JSON.
  Result<json::value> document(int column) const;

 private:
  friend class Database;
  struct Cached {
    sqlite3_stmt* handle = nullptr;
    bool in_use = false;
  };
  explicit Statement(Cached* cached) : cached_(cached) {}
  sqlite3_stmt* handle() const { return cached_->handle; }
  void note(int result);

  Cached* cached_;
  int next_ = 1;
  int bind_failure_ = 0;
};

enum class Access { create, read_write, read_only, immutable };

// Not thread-safe: one thread at a time.
class Database {
 public:
  static Result<Database> open(const std::filesystem::path& file, Access access,
                               std::chrono::milliseconds busy_timeout);
  Database(Database&&) noexcept = default;
  Database& operator=(Database&&) = delete;
  ~Database();

  // One statement, compiled once per connection.
  Result<Statement> prepare(std::string_view sql);
  // One or more statements without parameters.
  Result<void> execute(const std::string& script);
  std::int64_t changes() const;
  bool in_transaction() const;
  Result<std::int64_t> user_version();
  // A whole and consistent copy of the database as it is now, at a path where nothing is.
  Result<void> copy_to(const std::filesystem::path& file);
  // "" when sound, else what is wrong.
  Result<std::string> quick_check();

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  Database() = default;
  std::unique_ptr<sqlite3, Close> connection_;
  // Nodes stay where they are: statements point to them. A second entry of one text exists only while the first is in
  // use.
  std::unordered_multimap<std::string, std::unique_ptr<Statement::Cached>> statements_;
};

}  // namespace stoker::metadata
