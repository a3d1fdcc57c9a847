// LogCut: the part of a JVM's log that belongs to one lease, copied into the lease's own file by byte offset.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "runtime/fd.h"

namespace stoker::workers {

// Not thread-safe. `source` is written by the JVM and its Python workers in append mode.
class LogCut {
 public:
  // From the source's present end. An empty destination copies nowhere, but still looks at what passes.
  static Result<LogCut> begin(const std::filesystem::path& source, const std::filesystem::path& destination);

  // Copies what was written since the last call.
  Result<void> advance();
  // A line of the part reports that the JVM had no memory left.
  bool saw_out_of_memory() const { return saw_out_of_memory_; }

 private:
  LogCut(runtime::Fd source, runtime::Fd destination, std::uint64_t offset)
      : source_(std::move(source)), destination_(std::move(destination)), offset_(offset) {}
  void look(std::string_view chunk);

  runtime::Fd source_;
  runtime::Fd destination_;
  std::uint64_t offset_;
  std::string tail_;  // of the last chunk, for a word cut in two
  bool saw_out_of_memory_ = false;
};

}  // namespace stoker::workers
