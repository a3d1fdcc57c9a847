// FileLock: exclusive ownership of a file's lock, freed by the kernel when the holder dies. An open-file-description
// lock, so looking (`is_locked`) never disturbs somebody who is taking it, and a second lock in the same process is
// refused like any other.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>

#include "base/result.h"

namespace stoker::metadata {

class FileLock {
 public:
  // Makes the file (0600) when it is missing. Empty: somebody holds it.
  static Result<std::optional<FileLock>> try_acquire(const std::filesystem::path& file);
  // Waits up to `patience`; unavailable after that.
  static Result<FileLock> acquire(const std::filesystem::path& file, std::chrono::milliseconds patience);
  // Without taking it. A missing file is not locked.
  static Result<bool> is_locked(const std::filesystem::path& file);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace stoker::metadata
