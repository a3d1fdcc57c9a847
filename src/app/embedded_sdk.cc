#include "app/embedded_sdk.h"

#include <cstdlib>
#include <string>
#include <string_view>

#include "codec/sha256.h"
#include "runtime/file.h"

// Written by tools/codegen/sdk_archive.py: per file `<path length> <size>\n<path><bytes>`.
__asm__(
    ".section .rodata\n"
    ".global stoker_sdk_archive_begin\n.global stoker_sdk_archive_end\n"
    "stoker_sdk_archive_begin:\n.incbin \"" STOKER_SDK_ARCHIVE
    "\"\n"
    "stoker_sdk_archive_end:\n.byte 0\n"
    ".previous\n");
extern "C" const char stoker_sdk_archive_begin[];
extern "C" const char stoker_sdk_archive_end[];

namespace stoker::app {

namespace {

std::size_t take_number(std::string_view& text, char end) {
  const auto at = text.find(end);
  const auto number = std::stoul(std::string(text.substr(0, at)));
  text.remove_prefix(at + 1);
  return number;
}

}  // namespace

Result<std::filesystem::path> unpack_sdk(const std::filesystem::path& cache) {
  std::string_view archive(stoker_sdk_archive_begin,
                           static_cast<std::size_t>(stoker_sdk_archive_end - stoker_sdk_archive_begin));
  const auto folder = cache / "stoker" / ("sdk-" + codec::sha256_hex(archive).substr(0, 16));
  std::error_code ignored;
  if (std::filesystem::is_directory(folder, ignored)) return folder;

  TRY(runtime::make_directories(cache / "stoker"));
  TRY_ASSIGN(auto temporary, runtime::TemporaryDirectory::make("sdk-", cache / "stoker"));
  while (!archive.empty()) {
    const auto path_length = take_number(archive, ' ');
    const auto size = take_number(archive, '\n');
    const auto path = temporary.path() / archive.substr(0, path_length);
    TRY(runtime::make_directories(path.parent_path()));
    TRY(runtime::write_file(path, archive.substr(path_length, size)));
    archive.remove_prefix(path_length + size);
  }
  // Another process may have put the same folder there meanwhile; then ours is dropped.
  std::error_code failure;
  std::filesystem::rename(temporary.path(), folder, failure);
  if (!failure) temporary.release();
  if (failure && !std::filesystem::is_directory(folder, ignored)) {
    return system_error("cannot unpack the SDK to " + folder.string(), failure.value());
  }
  return folder;
}

}  // namespace stoker::app
