// Uploads into a folder that the cluster mounts too (NFS, a hostPath of a single node).
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "codec/sha256.h"
#include "runtime/file.h"
#include "submission/uploads/upload_target.h"

namespace stoker::submission {

namespace {

// The driver runs as another user, often 185.
constexpr unsigned kReadableFile = 0644;
constexpr unsigned kReadableFolder = 0755;
constexpr std::size_t kBlock = 256 << 10;

Result<std::string> path_of(const std::string& uri) {
  constexpr std::string_view kScheme = "file:";
  std::string path = uri.starts_with(kScheme) ? uri.substr(kScheme.size()) : uri;
  if (path.starts_with("///")) path.erase(0, 2);
  if (!path.starts_with('/') || path.starts_with("//"))
    return Error{.code = ErrorCode::invalid_value,
                 .message = "spark.kubernetes.file.upload.path is no absolute path",
                 .hint = "write file:///folder: a path that this machine and the cluster's nodes share"};
  return path;
}

Error changed(const std::string& path) {
  return {.code = ErrorCode::conflict,
          .message = fmt::format("{} changed while the submission was planned", path),
          .hint = "submit again"};
}

// Whatever the umask of this user is: the driver must get to the file.
Result<void> make_readable(const runtime::Path& folder) {
  std::vector<runtime::Path> missing;
  std::error_code unknown;
  for (runtime::Path path = folder; !path.empty() && !std::filesystem::exists(path, unknown); path = path.parent_path())
    missing.push_back(path);
  TRY(runtime::make_directories(folder, kReadableFolder));
  for (const runtime::Path& path : missing)
    if (::chmod(path.c_str(), kReadableFolder) < 0 && errno != EPERM)  // somebody else made it in between
      return system_error(fmt::format("set the mode of {}", path.string()), errno);
  return {};
}

// Removes what has been begun, unless it was finished.
struct Temporary {
  std::string path;
  runtime::Fd fd;
  bool finished = false;

  Temporary(std::string its_path, runtime::Fd its_fd) : path(std::move(its_path)), fd(std::move(its_fd)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!finished) ::unlink(path.c_str());
  }
};

Result<std::uint64_t> copy(const runtime::Context& context, const Clock& clock, const runtime::Fd& from,
                           const spark::Upload& upload, int to) {
  codec::Sha256 content;
  std::vector<char> block(kBlock);
  std::uint64_t bytes = 0;
  while (true) {
    TRY(context.check(clock));
    const ssize_t count = ::read(from.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(fmt::format("read {}", upload.from_path), errno);
    if (count == 0) break;
    const std::string_view piece(block.data(), static_cast<std::size_t>(count));
    content.update(piece);
    TRY(runtime::write_all(to, piece));
    bytes += piece.size();
  }
  if (content.hex() != upload.sha256) return changed(upload.from_path);
  return bytes;
}

class FileTarget final : public UploadTarget {
 public:
  explicit FileTarget(const Clock& clock) : clock_(clock) {}

  Result<Placed> put(const runtime::Context& context, const spark::Upload& upload) override {
    TRY_ASSIGN(const std::string path, path_of(upload.to_uri));
    TRY_ASSIGN(const runtime::FileStamp source, runtime::stamp_file(upload.from_path));
    if (const auto there = runtime::stamp_file(path); there && there->size == source.size)
      return Placed{.bytes = source.size, .was_there = true};
    const runtime::Path folder = runtime::Path(path).parent_path();
    TRY(make_readable(folder));
    TRY_ASSIGN(const runtime::Fd from, runtime::open_file(upload.from_path, runtime::OpenMode::read));
    std::string name = (folder / ".stoker-upload-XXXXXX").string();
    const int fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd < 0) return system_error(fmt::format("create a file in {}", folder.string()), errno);
    Temporary temporary(name, runtime::Fd(fd));
    TRY_ASSIGN(const std::uint64_t bytes, copy(context, clock_, from, upload, fd));
    if (::fchmod(fd, kReadableFile) < 0) return system_error(fmt::format("set the mode of {}", path), errno);
    if (::fsync(fd) < 0) return system_error(fmt::format("sync {}", path), errno);
    if (::rename(name.c_str(), path.c_str()) < 0) return system_error(fmt::format("rename to {}", path), errno);
    temporary.finished = true;
    TRY(runtime::sync_directory(folder));
    return Placed{.bytes = bytes, .was_there = false};
  }

 private:
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<UploadTarget> make_file_target(const Clock& clock) {
  return std::make_unique<FileTarget>(clock);
}

}  // namespace stoker::submission
