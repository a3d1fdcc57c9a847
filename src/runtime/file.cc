#include "runtime/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "codec/sha256.h"
#include "runtime/process/process.h"

namespace stoker::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kReadBlock = 256 * 1024;

std::string named(std::string_view what, const Path& path) {
  return std::string(what) + " " + path.string();
}

// Number of bytes read, 0 at the end.
Result<std::size_t> read_some(int fd, char* buffer, std::size_t size, const Path& path) {
  while (true) {
    ssize_t count = ::read(fd, buffer, size);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return system_error(named("read", path), errno);
  }
}

Result<std::string> read_at_most(int fd, std::size_t limit, const Path& path) {
  std::string content;
  struct stat info{};
  if (::fstat(fd, &info) == 0 && info.st_size > 0) {
    content.reserve(std::min(limit, static_cast<std::size_t>(info.st_size)) + 1);
  }
  std::vector<char> buffer(std::min(kReadBlock, limit + 1));
  while (true) {
    TRY_ASSIGN(std::size_t count, read_some(fd, buffer.data(), buffer.size(), path));
    if (count == 0) return content;
    if (content.size() + count > limit) {
      return Error{.code = ErrorCode::limit_exceeded,
                   .message = path.string() + " is larger than " + std::to_string(limit) + " bytes"};
    }
    content.append(buffer.data(), count);
  }
}

// A sibling's name that no other process or thread draws: mkstemp makes it.
Result<std::pair<Fd, std::string>> make_temporary_beside(const Path& path) {
  std::string name = path.string() + ".tmp-XXXXXX";
  int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return system_error(named("create a file beside", path), errno);
  return std::pair(Fd(fd), std::move(name));
}

Result<void> write_by_rename(const Path& path, std::string_view content, unsigned mode, bool sync) {
  TRY_ASSIGN(auto made, make_temporary_beside(path));
  auto fill = [&, &fd = made.first, &temporary = made.second]() -> Result<void> {
    if (::fchmod(fd.get(), static_cast<mode_t>(mode)) < 0) return system_error(named("set the mode of", path), errno);
    TRY(write_all(fd.get(), content).with_context(named("write", path)));
    if (sync && ::fsync(fd.get()) < 0) return system_error(named("sync", path), errno);
    if (::rename(temporary.c_str(), path.c_str()) < 0) return system_error(named("rename to", path), errno);
    return {};
  };
  auto filled = fill();
  if (!filled) {
    ::unlink(made.second.c_str());
    return filled;
  }
  if (!sync) return {};
  return sync_directory(path.has_parent_path() ? path.parent_path() : Path("."));
}

}  // namespace

Result<std::string> read_file(const Path& path, std::size_t limit) {
  TRY_ASSIGN(Fd fd, open_file(path, OpenMode::read));
  return read_at_most(fd.get(), limit, path);
}

Result<std::string> read_file_tail(const Path& path, std::size_t most) {
  TRY_ASSIGN(Fd fd, open_file(path, OpenMode::read));
  off_t end = ::lseek(fd.get(), 0, SEEK_END);
  if (end < 0) return system_error(named("seek in", path), errno);
  off_t start = std::max<off_t>(0, end - static_cast<off_t>(most));
  std::string content(static_cast<std::size_t>(end - start), '\0');
  std::size_t done = 0;
  while (done < content.size()) {
    ssize_t count = ::pread(fd.get(), content.data() + done, content.size() - done, start + static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(named("read", path), errno);
    if (count == 0) break;  // shortened meanwhile
    done += static_cast<std::size_t>(count);
  }
  content.resize(done);
  return content;
}

Result<void> write_file_atomically(const Path& path, std::string_view content, unsigned mode) {
  return write_by_rename(path, content, mode, true);
}

Result<void> write_file(const Path& path, std::string_view content, unsigned mode) {
  return write_by_rename(path, content, mode, false);
}

Result<void> sync_directory(const Path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return system_error(named("open the folder", path), errno);
  // Some file systems refuse to sync a folder (EINVAL); they have nothing better to offer.
  if (::fsync(fd.get()) < 0 && errno != EINVAL) return system_error(named("sync the folder", path), errno);
  return {};
}

Result<void> sync_tree(const Path& path) {
  std::error_code code;
  for (fs::recursive_directory_iterator it(path, fs::directory_options::none, code), end; it != end && !code;
       it.increment(code)) {
    if (it->is_symlink(code)) continue;
    if (it->is_directory(code)) {
      TRY(sync_directory(it->path()));
    } else if (it->is_regular_file(code)) {
      Fd fd(::open(it->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      if (!fd.valid() || ::fsync(fd.get()) < 0) return system_error(named("sync", it->path()), errno);
    }
  }
  if (code) return system_error(named("list", path), code.value());
  return sync_directory(path);
}

Result<Fd> open_file(const Path& path, OpenMode mode, unsigned permissions) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case OpenMode::read: flags |= O_RDONLY; break;
    case OpenMode::create: flags |= O_WRONLY | O_CREAT | O_TRUNC; break;
    case OpenMode::append: flags |= O_WRONLY | O_CREAT | O_APPEND; break;
  }
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags, static_cast<mode_t>(permissions));
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return system_error(named("open", path), errno);
  return Fd(fd);
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<FileDigest> hash_file(const Path& path, const StopToken& stop) {
  TRY_ASSIGN(Fd fd, open_file(path, OpenMode::read));
  codec::Sha256 hash;
  FileDigest digest;
  std::vector<char> buffer(kReadBlock);
  while (true) {
    if (stop.stop_requested()) return Error{.code = ErrorCode::cancelled, .message = "cancelled"};
    TRY_ASSIGN(std::size_t count, read_some(fd.get(), buffer.data(), buffer.size(), path));
    if (count == 0) break;
    hash.update({buffer.data(), count});
    digest.bytes += count;
  }
  digest.hex = hash.hex();
  return digest;
}

Result<void> make_directories(const Path& path, unsigned mode) {
  if (path.empty()) return {};
  if (::mkdir(path.c_str(), static_cast<mode_t>(mode)) == 0) return {};
  int error_number = errno;
  std::error_code code;
  if (error_number == EEXIST && fs::is_directory(path, code)) return {};
  if (error_number != ENOENT || !path.has_parent_path() || path.parent_path() == path) {
    return system_error(named("make the folder", path), error_number == EEXIST ? ENOTDIR : error_number);
  }
  TRY(make_directories(path.parent_path(), mode));
  // Somebody else may have made it in between.
  if (::mkdir(path.c_str(), static_cast<mode_t>(mode)) < 0 && errno != EEXIST) {
    return system_error(named("make the folder", path), errno);
  }
  return {};
}

Result<void> remove_tree(const Path& path) {
  std::error_code code;
  fs::remove_all(path, code);
  if (code) return system_error(named("remove", path), code.value());
  return {};
}

Result<std::uint64_t> free_space(const Path& path) {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) < 0) return system_error(named("ask for the free space of", path), errno);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

Result<FileStamp> stamp_file(const Path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) < 0) return system_error(named("look at", path), errno);
  FileStamp stamp;
  stamp.device = info.st_dev;
  stamp.inode = info.st_ino;
  stamp.size = static_cast<std::uint64_t>(info.st_size);
#ifdef __APPLE__
  stamp.modified_ns = info.st_mtimespec.tv_sec * 1'000'000'000LL + info.st_mtimespec.tv_nsec;
  stamp.changed_ns = info.st_ctimespec.tv_sec * 1'000'000'000LL + info.st_ctimespec.tv_nsec;
#else
  stamp.modified_ns = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
  stamp.changed_ns = info.st_ctim.tv_sec * 1'000'000'000LL + info.st_ctim.tv_nsec;
#endif
  return stamp;
}

std::string path_state(const Path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  const std::string kind = error || !std::filesystem::exists(status)  ? "absent"
                           : std::filesystem::is_regular_file(status) ? "file"
                           : std::filesystem::is_directory(status)    ? "folder"
                                                                      : "other";
  const Path target = std::filesystem::read_symlink(path, error);
  return error ? kind : "link " + kind + " " + target.string();
}

Result<TemporaryDirectory> TemporaryDirectory::make(std::string_view prefix, const Path& parent) {
  Path base = parent;
  if (base.empty()) {
    const std::string configured = current_environment()["TMPDIR"];
    base = configured.empty() ? "/tmp" : configured;
  }
  std::string name = (base / (std::string(prefix) + "XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr) return system_error(named("make a folder in", base), errno);
  return TemporaryDirectory(Path(name));
}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace stoker::runtime
