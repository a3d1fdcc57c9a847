// What the files that implement Store share. Private to this folder.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/guarded.h"
#include "metadata/sqlite.h"
#include "metadata/store.h"
#include "metadata/writer.h"

namespace stoker::metadata {

// Read connections that wait for the next reader.
class Readers {
 public:
  Readers(std::filesystem::path file, std::chrono::milliseconds busy_timeout)
      : file_(std::move(file)), busy_timeout_(busy_timeout) {}

  using Lease = std::unique_ptr<Database, std::function<void(Database*)>>;
  Result<Lease> take();
  void give_back(std::unique_ptr<Database> database);

 private:
  const std::filesystem::path file_;
  const std::chrono::milliseconds busy_timeout_;
  Guarded<std::vector<std::unique_ptr<Database>>> idle_;
};

struct Store::Parts {
  Parts(std::filesystem::path store_folder, const StoreOptions& store_options, int schema_version)
      : folder(std::move(store_folder)),
        options(store_options),
        readers(folder / kDatabaseFile, options.busy_timeout),
        writer(folder / kDatabaseFile, options.busy_timeout, schema_version) {}

  Result<void> write(Writer::Body body, Durability durability = Durability::process_kill) {
    if (options.read_only)
      return Error{.code = ErrorCode::permission, .message = "the store was opened for reading only"};
    return writer.write(std::move(body), durability);
  }

  const std::filesystem::path folder;
  const StoreOptions options;
  Readers readers;
  Writer writer;
};

// Opens for reading where even the log's index cannot be made: a folder without write permission.
Result<Database> open_for_reading(const std::filesystem::path& file, std::chrono::milliseconds busy_timeout);

// Runs the statement and appends what `read` makes of each row.
template <class Row, class Read>
Result<std::vector<Row>> collect(Statement& statement, Read read) {
  std::vector<Row> rows;
  for (;;) {
    TRY_ASSIGN(const bool more, statement.step());
    if (!more) return rows;
    TRY_ASSIGN(Row row, read(statement));
    rows.push_back(std::move(row));
  }
}

// The run's number; not_found when there is no such run.
Result<std::int64_t> run_number(Database& database, const RunId& run);
// The same, in a write of the engine with that epoch: conflict when it is not the run's.
Result<std::int64_t> fenced_run_number(Database& database, const RunId& run, Epoch epoch);

// The uris of the artifacts that a value names, at any depth: {"$artifact": {"uri": …}} and {"artifact": {"uri": …}}.
void collect_artifact_uris(const json::value& value, std::vector<std::string>& uris);

Result<void> insert_cache_entry(Database& database, const CacheEntry& entry);
Result<void> insert_artifact(Database& database, const ArtifactRow& artifact);
Result<void> insert_run_use(Database& database, std::int64_t run, const json::value& value);

}  // namespace stoker::metadata
