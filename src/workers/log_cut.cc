#include "workers/log_cut.h"

#include <unistd.h>

#include <cerrno>
#include <vector>

#include "runtime/file.h"

namespace stoker::workers {

namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;
constexpr std::string_view kOutOfMemory = "java.lang.OutOfMemoryError";

}  // namespace

Result<LogCut> LogCut::begin(const std::filesystem::path& source, const std::filesystem::path& destination) {
  TRY_ASSIGN(runtime::Fd from, runtime::open_file(source, runtime::OpenMode::read));
  off_t end = ::lseek(from.get(), 0, SEEK_END);
  if (end < 0) return system_error("seek in " + source.string(), errno);
  runtime::Fd to;
  if (!destination.empty()) {
    TRY_ASSIGN(to, runtime::open_file(destination, runtime::OpenMode::append));
  }
  return LogCut(std::move(from), std::move(to), static_cast<std::uint64_t>(end));
}

Result<void> LogCut::advance() {
  std::vector<char> chunk(kChunkBytes);
  while (true) {
    ssize_t got = ::pread(source_.get(), chunk.data(), chunk.size(), static_cast<off_t>(offset_));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read the log of a JVM", errno);
    if (got == 0) return {};
    std::string_view bytes(chunk.data(), static_cast<std::size_t>(got));
    offset_ += bytes.size();
    look(bytes);
    if (destination_.valid()) TRY(runtime::write_all(destination_.get(), bytes));
  }
}

void LogCut::look(std::string_view chunk) {
  if (saw_out_of_memory_) return;
  std::string seam = tail_ + std::string(chunk.substr(0, kOutOfMemory.size()));
  saw_out_of_memory_ =
      seam.find(kOutOfMemory) != std::string::npos || chunk.find(kOutOfMemory) != std::string_view::npos;
  tail_ = chunk.substr(chunk.size() - std::min(chunk.size(), kOutOfMemory.size() - 1));
}

}  // namespace stoker::workers
