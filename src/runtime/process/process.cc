#include "runtime/process/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "runtime/process/process_system.h"

extern char** environ;

namespace stoker::runtime {

namespace {

// What the child could not do; written to the parent through a pipe that a successful exec closes.
enum class Stage : int { parent_gone, streams, directory, exec };
struct StartFailure {
  Stage stage;
  int error_number;
};

// Everything that the child needs, made before the fork: between fork and exec nothing may allocate.
struct Prepared {
  std::string program;
  std::vector<char*> argv;
  std::vector<std::string> environment_text;
  std::vector<char*> environment;
  std::string directory;
  std::array<int, 3> streams{-1, -1, -1};  // -1: inherit
  std::vector<int> inherited;
  bool new_session = false;
  bool die_with_parent = false;
};

[[noreturn]] void fail(int report, Stage stage) {
  StartFailure failure{stage, errno};
  [[maybe_unused]] auto written = ::write(report, &failure, sizeof failure);
  ::_exit(127);
}

// Moves a descriptor out of the way of 0, 1 and 2 and of the inherited numbers, so that no dup2 destroys one still
// needed.
int move_high(int descriptor) {
  return ::fcntl(descriptor, F_DUPFD_CLOEXEC, 64);
}

// Runs in the child. Only async-signal-safe calls.
[[noreturn]] void become(const Prepared& prepared, pid_t parent, int report) {
  if (prepared.die_with_parent && !system::die_with_parent(parent)) fail(report, Stage::parent_gone);
  if (prepared.new_session) ::setsid();
  std::array<int, 3> streams = prepared.streams;
  for (int& stream : streams) {
    if (stream < 0) continue;
    stream = move_high(stream);
    if (stream < 0) fail(report, Stage::streams);
  }
  for (int i = 0; i < 3; ++i) {
    if (streams[static_cast<std::size_t>(i)] >= 0 && ::dup2(streams[static_cast<std::size_t>(i)], i) < 0)
      fail(report, Stage::streams);
  }
  for (int descriptor : prepared.inherited) {
    if (::fcntl(descriptor, F_SETFD, 0) < 0) fail(report, Stage::streams);
  }
  if (!prepared.directory.empty() && ::chdir(prepared.directory.c_str()) < 0) fail(report, Stage::directory);
  for (int number = 1; number < NSIG; ++number) {
    if (number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);  // NOLINT(concurrency-mt-unsafe): the child has one thread
  ::execve(prepared.program.c_str(), prepared.argv.data(), prepared.environment.data());
  fail(report, Stage::exec);
}

Error describe_failure(const StartFailure& failure, const ProcessSpec& spec) {
  switch (failure.stage) {
    case Stage::parent_gone:
      return Error{.code = ErrorCode::internal, .message = "the parent ended while it started a process"};
    case Stage::streams: return system_error("redirect the streams of " + spec.argv[0], failure.error_number);
    case Stage::directory:
      return system_error("enter the folder " + spec.working_directory.string(), failure.error_number);
    case Stage::exec: break;
  }
  Error error = system_error("start " + spec.argv[0], failure.error_number);
  if (failure.error_number == ENOEXEC) error.hint = "its first line should name an interpreter, for example #!/bin/sh";
  return error;
}

Result<Prepared> prepare(const ProcessSpec& spec, Fd& null_device) {
  if (spec.argv.empty() || spec.argv[0].empty()) {
    return Error{.code = ErrorCode::invalid_value, .message = "no program is named"};
  }
  Environment environment = spec.environment ? *spec.environment : current_environment();
  auto search = environment.find("PATH");
  auto program = find_executable(spec.argv[0], search == environment.end() ? "/usr/bin:/bin" : search->second,
                                 spec.working_directory);
  if (!program) {
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("the program {} was not found", spec.argv[0]),
                 .hint = "install it, or give its full path"};
  }
  Prepared prepared;
  prepared.program = program->string();
  for (const auto& argument : spec.argv)
    prepared.argv.push_back(const_cast<char*>(argument.c_str()));
  prepared.argv.push_back(nullptr);
  prepared.environment_text.reserve(environment.size());
  for (const auto& [name, value] : environment)
    prepared.environment_text.push_back(fmt::format("{}={}", name, value));
  for (auto& text : prepared.environment_text)
    prepared.environment.push_back(text.data());
  prepared.environment.push_back(nullptr);
  prepared.directory = spec.working_directory.string();
  const std::array<const Stream*, 3> streams{&spec.input, &spec.output, &spec.error};
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (streams[i]->kind == Stream::Kind::descriptor) prepared.streams[i] = streams[i]->descriptor;
    if (streams[i]->kind != Stream::Kind::null) continue;
    if (!null_device.valid()) {
      null_device = Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
      if (!null_device.valid()) return system_error("open /dev/null", errno);
    }
    prepared.streams[i] = null_device.get();
  }
  prepared.inherited = spec.inherited;
  prepared.new_session = spec.new_session;
  prepared.die_with_parent = spec.die_with_parent;
  return prepared;
}

std::chrono::microseconds microseconds(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

Environment current_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    auto equals = text.find('=');
    if (equals != std::string_view::npos && equals > 0) {
      environment.emplace(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
    }
  }
  return environment;
}

std::string ExitStatus::describe() const {
  if (signal == 0) return fmt::format("exit code {}", code);
  const char* name =
      ::strsignal(signal);  // NOLINT(concurrency-mt-unsafe): a constant for every signal that ends a process
  return fmt::format("signal {} ({})", signal, name == nullptr ? "unknown" : name);
}

ExitStatus decode_wait_status(int status) {
  ExitStatus decoded;
  if (WIFSIGNALED(status)) {
    decoded.signal = WTERMSIG(status);
  } else {
    decoded.code = WEXITSTATUS(status);
  }
  return decoded;
}

std::optional<Path> find_executable(const std::string& name, const std::string& search_path,
                                    const Path& working_directory) {
  std::error_code ignored;
  auto fits = [&](const Path& path) {
    Path full = path.is_relative() && !working_directory.empty() ? working_directory / path : path;
    return ::access(full.c_str(), X_OK) == 0 && !std::filesystem::is_directory(full, ignored);
  };
  if (name.find('/') != std::string::npos) {
    Path path(name);
    Path full = path.is_relative() && !working_directory.empty() ? working_directory / path : path;
    // One that exists and may not be run is left to exec, whose error says why.
    if (std::filesystem::exists(full, ignored)) return path;
    return std::nullopt;
  }
  for (const auto& folder : split(search_path, ':')) {
    Path path = Path(folder.empty() ? "." : folder) / name;
    if (fits(path)) return path;
  }
  return std::nullopt;
}

Result<Process> Process::start(const ProcessSpec& spec) {
  Fd null_device;
  TRY_ASSIGN(Prepared prepared, prepare(spec, null_device));
  TRY_ASSIGN(Pipe report, make_pipe());
  // No handler of ours may run in the child before it has reset them.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(prepared, parent, report.write_end.get());
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return system_error("start a process", fork_error);
  report.write_end.reset();

  StartFailure failure{};
  ssize_t count = 0;
  do {
    count = ::read(report.read_end.get(), &failure, sizeof failure);
  } while (count < 0 && errno == EINTR);
  if (count == static_cast<ssize_t>(sizeof failure)) {
    ::waitpid(pid, nullptr, 0);
    return describe_failure(failure, spec);
  }
  auto exit_fd = system::exit_descriptor(pid);
  if (!exit_fd) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return std::move(exit_fd).error();
  }
  return Process(pid, *std::move(exit_fd), spec.new_session);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      exit_fd_(std::move(other.exit_fd_)),
      leader_(other.leader_),
      status_(other.status_) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(exit_fd_, other.exit_fd_);
  std::swap(leader_, other.leader_);
  std::swap(status_, other.status_);
  return *this;
}

Process::~Process() {
  if (pid_ <= 0 || status_) return;
  kill_group(SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<std::optional<ExitStatus>> Process::try_wait() {
  if (status_) return status_;
  int status = 0;
  rusage usage{};
  pid_t waited = 0;
  do {
    waited = ::wait4(pid_, &status, WNOHANG, &usage);
  } while (waited < 0 && errno == EINTR);
  if (waited < 0) return system_error("wait for a process", errno);
  if (waited == 0) return std::optional<ExitStatus>();
  ExitStatus result = decode_wait_status(status);
  result.user = microseconds(usage.ru_utime);
  result.system = microseconds(usage.ru_stime);
#ifdef __APPLE__
  result.peak_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss);
#else
  result.peak_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
#endif
  status_ = result;
  return status_;
}

Result<ExitStatus> Process::wait(const Context& context, const Clock& clock) {
  StopDescriptor stop(context.stop);
  while (true) {
    TRY_ASSIGN(auto status, try_wait());
    if (status) return *status;
    TRY(context.check(clock));
    std::array<pollfd, 2> polled{{{exit_fd_.get(), POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
    int count = ::poll(polled.data(), polled.size(), context.deadline.poll_timeout(clock.steady_now()));
    if (count < 0 && errno != EINTR) return system_error("wait for a process", errno);
  }
}

void Process::kill_group(int signal) const {
  if (pid_ <= 0) return;
  if (leader_) {
    ::kill(-pid_, signal);
  } else if (!status_) {
    ::kill(pid_, signal);
  }
}

Result<Output> run_program(ProcessSpec spec, const Context& context, const Clock& clock, OutputOptions options) {
  TRY_ASSIGN(Pipe out, make_pipe());
  TRY_ASSIGN(Pipe err, make_pipe());
  spec.output = Stream::to(out.write_end.get());
  if (options.collect_error)
    spec.error = Stream::to(err.write_end.get());
  else
    err.read_end.reset();
  TRY_ASSIGN(Process process, Process::start(spec));
  out.write_end.reset();
  err.write_end.reset();
  Output output;
  StopDescriptor stop(context.stop);
  std::array<Fd*, 2> ends{&out.read_end, &err.read_end};
  std::array<std::string*, 2> texts{&output.out, &output.err};
  std::vector<char> buffer(16 * 1024);
  while (ends[0]->valid() || ends[1]->valid()) {
    TRY(context.check(clock));
    // A negative descriptor is passed over by poll.
    std::array<pollfd, 3> polled{{{ends[0]->get(), POLLIN, 0}, {ends[1]->get(), POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
    if (::poll(polled.data(), polled.size(), context.deadline.poll_timeout(clock.steady_now())) < 0 && errno != EINTR) {
      return system_error("wait for " + spec.argv[0], errno);
    }
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (!ends[i]->valid() || polled[i].revents == 0) continue;
      ssize_t count = ::read(ends[i]->get(), buffer.data(), buffer.size());
      if (count == 0 || (count < 0 && errno != EINTR)) ends[i]->reset();
      if (count > 0) {
        auto room = options.limit_bytes - std::min(options.limit_bytes, texts[i]->size());
        texts[i]->append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
      }
    }
  }
  TRY_ASSIGN(output.status, process.wait(context, clock));
  return output;
}

}  // namespace stoker::runtime
