// Makes a database, brings an older one up to date, refuses a newer one.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <span>

#include "base/result.h"
#include "metadata/schema.h"
#include "metadata/sqlite.h"

namespace stoker::metadata {

struct MigratorOptions {
  std::span<const Migration> migrations;
  std::chrono::milliseconds busy_timeout;
  WallTime now{};
};

enum class SchemaState { current, missing, older };

// What stands at `file`: newer_version and corrupt are errors. An empty file is corrupt, because a database is made
// under another name and renamed.
Result<SchemaState> inspect_schema(Database& database, const std::filesystem::path& file,
                                   std::span<const Migration> migrations);

// Makes the database when it is missing and migrates an older one. Holds `<file>.migrate` meanwhile; before a change
// the old database is copied to
// `<file>.v<version>.backup`, which stays. conflict: a run of the store is owned, by a program that does not know the
// new schema.
Result<void> migrate(const std::filesystem::path& file, const MigratorOptions& options);

}  // namespace stoker::metadata
