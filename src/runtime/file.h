// Files, the way that the store needs them: limits on reads, writes that are whole or absent, private folders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "runtime/fd.h"
#include "runtime/stop.h"

namespace stoker::runtime {

using Path = std::filesystem::path;

inline constexpr unsigned kPrivateFile = 0600;
inline constexpr unsigned kPrivateDirectory = 0700;

// The whole file. More than `limit` bytes is an error of code limit_exceeded.
Result<std::string> read_file(const Path& path, std::size_t limit);
// The last `most` bytes.
Result<std::string> read_file_tail(const Path& path, std::size_t most);

// Temporary name beside it, fsync, rename, fsync of the folder: after a crash the file is the old one or the new one,
// and whole.
Result<void> write_file_atomically(const Path& path, std::string_view content, unsigned mode = kPrivateFile);
// Without the syncs, for what is rebuilt at need.
Result<void> write_file(const Path& path, std::string_view content, unsigned mode = kPrivateFile);
Result<void> sync_directory(const Path& path);
// Everything below `path`, files and folders, then the folder itself; never follows a symbolic link.
Result<void> sync_tree(const Path& path);

enum class OpenMode { read, create, append };
// Close-on-exec; create truncates, append creates what is missing.
Result<Fd> open_file(const Path& path, OpenMode mode, unsigned permissions = kPrivateFile);
Result<void> write_all(int fd, std::string_view bytes);

struct FileDigest {
  std::string hex;
  std::uint64_t bytes = 0;
};
Result<FileDigest> hash_file(const Path& path, const StopToken& stop = {});

// With all missing parents; those that it makes have `mode`.
Result<void> make_directories(const Path& path, unsigned mode = kPrivateDirectory);
Result<void> remove_tree(const Path& path);
// Bytes that an ordinary user can still write there.
Result<std::uint64_t> free_space(const Path& path);

// What tells one state of a file from another without reading it.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
Result<FileStamp> stamp_file(const Path& path);

// What is at a path, whatever is in it: `file`, `folder`, `other` or `absent`; of a link that of what it leads to, with
// where it points (`link file ../a`). The worker's _watched/paths.py says the same.
std::string path_state(const Path& path);

// A folder with a name that nobody had, removed with all in it at the end of its scope.
class TemporaryDirectory {
 public:
  // Below `parent`, or below $TMPDIR or /tmp when that is empty.
  static Result<TemporaryDirectory> make(std::string_view prefix, const Path& parent = {});
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, Path())) {}
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
  ~TemporaryDirectory();

  const Path& path() const { return path_; }
  // Keeps the folder.
  Path release() { return std::exchange(path_, Path()); }

 private:
  explicit TemporaryDirectory(Path path) : path_(std::move(path)) {}
  Path path_;
};

}  // namespace stoker::runtime
