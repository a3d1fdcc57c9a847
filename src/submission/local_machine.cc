#include "submission/local_machine.h"

#include <fmt/format.h>
#include <glob.h>
#include <minizip/unzip.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/strings.h"
#include "runtime/file.h"

namespace stoker::submission {

namespace fs = std::filesystem;

namespace {

Error missing(std::string_view path) {
  return {.code = ErrorCode::not_found, .message = fmt::format("{} does not exist", path)};
}

// META-INF/MANIFEST.MF of a jar; none when it has none.
Result<std::optional<std::string>> manifest_of(const std::string& jar) {
  const std::unique_ptr<void, int (*)(unzFile)> archive(unzOpen64(jar.c_str()), unzClose);
  if (archive == nullptr)
    return Error{.code = ErrorCode::invalid_document, .message = fmt::format("{} is no jar", jar)};
  constexpr int kCaseSensitive = 1;
  if (unzLocateFile(archive.get(), "META-INF/MANIFEST.MF", kCaseSensitive) != UNZ_OK)
    return std::optional<std::string>();
  const auto damaged = [&] {
    return Error{.code = ErrorCode::corrupt, .message = fmt::format("the manifest of {} cannot be read", jar)};
  };
  if (unzOpenCurrentFile(archive.get()) != UNZ_OK) return damaged();
  std::string text(kMaximumManifestBytes, '\0');
  const int bytes = unzReadCurrentFile(archive.get(), text.data(), static_cast<unsigned>(text.size()));
  if (bytes < 0 || unzCloseCurrentFile(archive.get()) != UNZ_OK) return damaged();
  text.resize(static_cast<std::size_t>(bytes));
  return std::optional(std::move(text));
}

// A main attribute: those before the first empty line. A line that begins with a blank goes on with the one before.
std::optional<std::string> main_attribute(const std::string& manifest, std::string_view name) {
  std::optional<std::string> value;
  bool in_it = false;
  for (std::string line : split(manifest, '\n')) {
    std::erase(line, '\r');
    if (line.empty()) break;
    if (line.front() == ' ') {
      if (in_it) *value += line.substr(1);
      continue;
    }
    const std::size_t colon = line.find(':');
    in_it = colon != std::string::npos && std::string_view(line).substr(0, colon) == name;
    if (in_it) value = std::string(trim(std::string_view(line).substr(colon + 1)));
  }
  return value;
}

}  // namespace

std::optional<std::string> LocalMachine::environment(std::string_view name) const {
  const auto found = variables_.find(std::string(name));
  return found == variables_.end() ? std::nullopt : std::optional(found->second);
}

std::string LocalMachine::user() const {
  constexpr std::size_t kBufferBytes = 16 << 10;
  std::string buffer(kBufferBytes, '\0');
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->pw_name;
  return std::to_string(::geteuid());
}

std::string LocalMachine::absolute_path(std::string_view path) const {
  const fs::path given(path);
  const fs::path whole = given.is_absolute() ? given : fs::path(current_folder_) / given;
  std::error_code failed;
  fs::path found = fs::weakly_canonical(whole, failed);
  return failed ? whole.lexically_normal().string() : found.string();
}

bool LocalMachine::is_folder(std::string_view path) const {
  std::error_code failed;
  return fs::is_directory(fs::path(path), failed);
}

Result<std::string> LocalMachine::read(std::string_view path, std::size_t limit_bytes) const {
  return runtime::read_file(fs::path(path), limit_bytes);
}

Result<std::vector<std::string>> LocalMachine::file_names(std::string_view folder) const {
  std::error_code failed;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(fs::path(folder), failed), end; !failed && entry != end; entry.increment(failed))
    if (std::error_code unknown; entry->is_regular_file(unknown)) names.push_back(entry->path().filename().string());
  if (failed) return system_error(folder, failed.value());
  std::ranges::sort(names);
  return names;
}

Result<std::vector<std::string>> LocalMachine::matching_files(std::string_view pattern) const {
  glob_t found{};
  const std::unique_ptr<glob_t, void (*)(glob_t*)> owner(&found, ::globfree);
  // Hadoop's patterns match hidden files too, and have braces.
  // NOLINTNEXTLINE(concurrency-mt-unsafe): it reads the environment and the locale, which nothing here changes.
  const int outcome = ::glob(std::string(pattern).c_str(), GLOB_BRACE | GLOB_PERIOD, nullptr, &found);
  std::vector<std::string> files;
  if (outcome == GLOB_NOMATCH) return files;
  if (outcome != 0)
    return Error{.code = ErrorCode::io, .message = fmt::format("the files of {} cannot be listed", pattern)};
  for (std::size_t i = 0; i < found.gl_pathc; ++i) {
    std::error_code unknown;
    if (!fs::is_regular_file(found.gl_pathv[i], unknown)) continue;
    if (files.size() == kMaximumMatches)
      return Error{.code = ErrorCode::limit_exceeded,
                   .message = fmt::format("{} matches more than {} files", pattern, kMaximumMatches)};
    files.emplace_back(found.gl_pathv[i]);
  }
  return files;
}

Result<std::string> LocalMachine::content_id(std::string_view path) const {
  std::error_code unknown;
  if (fs::exists(path, unknown) && !fs::is_regular_file(path, unknown))
    return Error{.code = ErrorCode::invalid_value, .message = fmt::format("{} is no regular file", path)};
  TRY_ASSIGN(const runtime::FileDigest digest, runtime::hash_file(fs::path(path)));
  return digest.hex;
}

Result<std::optional<std::string>> LocalMachine::main_class_of(std::string_view jar_path) const {
  std::error_code unknown;
  if (!fs::exists(fs::path(jar_path), unknown)) return missing(jar_path);
  TRY_ASSIGN(const std::optional<std::string> manifest, manifest_of(std::string(jar_path)));
  return manifest ? main_attribute(*manifest, "Main-Class") : std::nullopt;
}

}  // namespace stoker::submission
