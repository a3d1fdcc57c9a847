#include "metadata/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <utility>

namespace stoker::metadata {

namespace {

constexpr std::chrono::milliseconds kRetryEvery{5};

struct flock whole_file(short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

// The folder may have been removed and made again between open and lock: then the lock is on a file that nobody else
// will ever open.
bool still_at(const std::filesystem::path& file, int descriptor) {
  struct stat by_descriptor{};
  struct stat by_path{};
  if (fstat(descriptor, &by_descriptor) != 0 || stat(file.c_str(), &by_path) != 0) return false;
  return by_descriptor.st_dev == by_path.st_dev && by_descriptor.st_ino == by_path.st_ino;
}

}  // namespace

Result<std::optional<FileLock>> FileLock::try_acquire(const std::filesystem::path& file) {
  for (;;) {
    const int descriptor = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return system_error(fmt::format("lock file {}", file.string()), errno);
    FileLock held(descriptor);
    auto lock = whole_file(F_WRLCK);
    if (fcntl(descriptor, F_OFD_SETLK, &lock) != 0) {
      if (errno == EAGAIN || errno == EACCES) return std::optional<FileLock>();
      return system_error(fmt::format("lock file {}", file.string()), errno);
    }
    if (still_at(file, descriptor)) return std::optional<FileLock>(std::move(held));
  }
}

Result<FileLock> FileLock::acquire(const std::filesystem::path& file, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    TRY_ASSIGN(auto lock, try_acquire(file));
    if (lock) return std::move(*lock);
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error{.code = ErrorCode::unavailable,
                   .message = fmt::format("{} stays locked by another process", file.string()),
                   .hint = "wait for the other command to end, then run this one again",
                   .retryable = true};
    }
    std::this_thread::sleep_for(kRetryEvery);
  }
}

Result<bool> FileLock::is_locked(const std::filesystem::path& file) {
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return system_error(fmt::format("lock file {}", file.string()), errno);
  }
  const FileLock closes(descriptor);
  // A read lock needs only a readable descriptor and conflicts with the holder's write lock all the same.
  auto lock = whole_file(F_RDLCK);
  if (fcntl(descriptor, F_OFD_GETLK, &lock) != 0)
    return system_error(fmt::format("lock file {}", file.string()), errno);
  return lock.l_type != F_UNLCK;
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) close(descriptor_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace stoker::metadata
