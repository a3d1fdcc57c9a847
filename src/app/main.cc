// The composition root: takes the process apart into plain values and hands them to the command line.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "app/embedded_sdk.h"
#include "cli/program.h"

namespace {

std::filesystem::path cache_folder(const stoker::cli::Program& program) {
  if (const auto folder = program.variable("XDG_CACHE_HOME"); folder && !folder->empty()) return *folder;
  if (const auto home = program.variable("HOME"); home && !home->empty())
    return std::filesystem::path(*home) / ".cache";
  return std::filesystem::temp_directory_path();
}

// A descriptor of a file or connection would get the number of a closed standard stream, and what is printed would go
// there. The stand-ins refuse what the stream is for, so that it is still an error.
void occupy_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF)
      ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // NOLINT: the lowest free number is this one
}

}  // namespace

int main(int argc, char** argv) {
  occupy_standard_streams();
  try {
    const stoker::SystemClock clock;
    stoker::cli::Program program{.clock = clock, .environment = stoker::runtime::current_environment()};
    std::error_code ignored;
    program.working_directory = std::filesystem::current_path(ignored);
    program.executable = std::filesystem::read_symlink("/proc/self/exe", ignored);
    if (program.executable.empty()) program.executable = std::filesystem::absolute(argv[0], ignored);
    program.sdk_folder = [&program] { return stoker::app::unpack_sdk(cache_folder(program)); };
    return stoker::cli::run_program(program, std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& failure) {
    stoker::cli::print_error({.code = stoker::ErrorCode::internal,
                              .message = failure.what(),
                              .hint = "this is a defect of Stoker; please report it with the command that you ran"});
    return stoker::exit_code(stoker::ErrorCode::internal);
  }
}
