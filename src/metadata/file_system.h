// Which file systems a database must not stand on. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stoker::metadata {

// The name of the network file system with this statfs magic, or nothing: SQLite needs working locks and shared memory
// between all who open the file.
std::optional<std::string_view> network_file_system(std::uint64_t magic);

}  // namespace stoker::metadata
