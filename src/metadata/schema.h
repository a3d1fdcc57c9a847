// The schema, as numbered steps that only ever grow: a released step is never edited.
#pragma once

#include <span>
#include <string_view>

namespace stoker::metadata {

struct Migration {
  int version;
  std::string_view name;
  std::string_view sql;
};

std::span<const Migration> schema_migrations();

// "Stkr": tells our file from any other SQLite database.
inline constexpr int kApplicationId = 0x53746b72;

}  // namespace stoker::metadata
