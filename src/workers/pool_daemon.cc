#include "workers/pool_daemon.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <thread>

#include "codec/duration.h"
#include "runtime/file.h"
#include "runtime/process/process_usage.h"
#include "workers/class_archive.h"

namespace stoker::workers {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t kLogLimit = 1024 * 1024;
constexpr double kMemoryShare = 0.6;
// About what a new JVM needs until it has served its first step.
constexpr std::chrono::seconds kPatience{10};

// Somebody else could have made the folder in /tmp before us, and would then see the gateways' secrets.
Result<void> check_private(const fs::path& folder) {
  struct stat status{};
  if (::lstat(folder.c_str(), &status) < 0) return system_error("look at " + folder.string(), errno);
  if (S_ISDIR(status.st_mode) && status.st_uid == ::geteuid() && (status.st_mode & 077) == 0) return {};
  return Error{.code = ErrorCode::permission,
               .message = folder.string() + " is not a folder that only this user can enter",
               .hint = "remove it, or set XDG_RUNTIME_DIR"};
}

Result<runtime::Fd> take_lock(const fs::path& path) {
  TRY_ASSIGN(runtime::Fd lock, runtime::open_file(path, runtime::OpenMode::append));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK)
    return Error{.code = ErrorCode::already_exists, .message = "a JVM pool of this user runs already"};
  return system_error("lock " + path.string(), errno);
}

class DaemonLog {
 public:
  DaemonLog(fs::path path, const Clock& clock) : path_(std::move(path)), clock_(clock) {}

  void write(const std::string& line) const {
    std::error_code failure;
    if (fs::file_size(path_, failure) > kLogLimit && !failure)
      fs::rename(path_, fs::path(path_).concat(".old"), failure);
    auto file = runtime::open_file(path_, runtime::OpenMode::append);
    if (!file) return;  // a full disk must not end the pool
    auto seconds = std::chrono::time_point_cast<std::chrono::seconds>(clock_.wall_now());
    (void)runtime::write_all(file->get(), fmt::format("{:%FT%TZ} {}\n", seconds, line));
  }

 private:
  fs::path path_;
  const Clock& clock_;
};

PoolWorld make_world(const PoolDaemonOptions& options, const DaemonLog& log, const Clock& clock) {
  PoolWorld world;
  JvmFolders folders = options.paths.jvms;
  world.inspect = [folders](const LeaseRequest& request) { return inspect_launch(request, folders); };
  world.make_jvm = [folders, &clock](const LeaseRequest& request) { return make_jvm(request, folders, {}, clock); };
  if (options.make_archives) {
    world.make_archive = [folders, &clock](const LeaseRequest& request,
                                           const runtime::StopToken& stop) -> Result<void> {
      TRY(make_class_archive(request, folders, stop, clock));
      return {};
    };
  }
  world.log = [&log](const std::string& line) { log.write(line); };
  return world;
}

}  // namespace

Result<PoolPaths> PoolPaths::prepare(const runtime::Environment& environment) {
  PoolPaths paths;
  fs::path runtime_folder = variable(environment, "XDG_RUNTIME_DIR");
  runtime_folder =
      runtime_folder.is_absolute() ? runtime_folder / "stoker" : fs::path(fmt::format("/tmp/stoker-{}", ::geteuid()));
  TRY(runtime::make_directories(runtime_folder));
  TRY(check_private(runtime_folder));
  fs::path cache = variable(environment, "XDG_CACHE_HOME");
  if (!cache.is_absolute()) {
    fs::path home = variable(environment, "HOME");
    cache = home.is_absolute() ? home / ".cache" : runtime_folder / "cache";
  }
  cache /= "stoker";
  paths.socket = runtime_folder / fmt::format("pool-{}.sock", kPoolProtocolVersion);
  paths.lock = runtime_folder / fmt::format("pool-{}.lock", kPoolProtocolVersion);
  paths.log = cache / "workers" / "pool.log";
  // By the socket's folder: two daemons (of two runtime folders) never share it.
  paths.jvms.scratch = runtime_folder / "jvms";
  paths.jvms.archives = cache / "class-archives";
  TRY(runtime::make_directories(paths.log.parent_path()));
  TRY(runtime::make_directories(paths.jvms.archives));
  return paths;
}

PoolLimits default_pool_limits() {
  PoolLimits limits;
  limits.patience = kPatience;
  limits.jvms = std::max(2, static_cast<int>(std::thread::hardware_concurrency()));
  if (auto memory = runtime::physical_memory()) {
    limits.memory_bytes = static_cast<std::uint64_t>(static_cast<double>(*memory) * kMemoryShare);
  }
  return limits;
}

Result<ServeArguments> parse_serve_arguments(const std::vector<std::string>& arguments, PoolPaths paths) {
  ServeArguments parsed;
  parsed.options.paths = std::move(paths);
  parsed.options.settings.limits = default_pool_limits();
  PoolSettings& settings = parsed.options.settings;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--foreground") {
      parsed.foreground = true;
      continue;
    }
    if (name == "--no-archive") {
      parsed.options.make_archives = false;
      continue;
    }
    auto bad = [&] { return Error{.code = ErrorCode::usage, .message = "workers serve: bad argument " + name}; };
    if (i + 1 == arguments.size()) return bad();
    const std::string& value = arguments[++i];
    auto number = [&](int& target) {
      auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), target);
      return error == std::errc() && end == value.data() + value.size() && target > 0;
    };
    if (name == "--max-jvms") {
      if (!number(settings.limits.jvms)) return bad();
    } else if (name == "--leases") {
      if (!number(settings.limits.leases_per_jvm)) return bad();
    } else if (name == "--memory") {
      auto memory = parse_memory(value);
      if (!memory) return bad();
      settings.limits.memory_bytes = *memory;
    } else if (name == "--idle" || name == "--linger" || name == "--patience") {
      TRY_ASSIGN(auto duration, codec::parse_duration(value));
      (name == "--idle"     ? settings.limits.idle
       : name == "--linger" ? settings.linger
                            : settings.limits.patience) = duration;
    } else {
      return bad();
    }
  }
  return parsed;
}

Result<void> run_pool_daemon(const PoolDaemonOptions& options, const runtime::StopToken& stop, const Clock& clock) {
  TRY_ASSIGN(runtime::Fd lock, take_lock(options.paths.lock));
  // What a pool that was killed left behind; the lock says that nobody uses it.
  (void)runtime::remove_tree(options.paths.jvms.scratch);
  TRY_ASSIGN(auto listener, runtime::UnixListener::listen(options.paths.socket));
  DaemonLog log(options.paths.log, clock);
  runtime::EventLoop loop(clock);
  Pool pool(loop, options.settings, make_world(options, log, clock), [&] { loop.stop(); });
  loop.watch(listener.fd(), [&] {
    while (true) {
      auto connection = listener.accept();
      if (!connection) {
        log.write(connection.error().describe());
        if (connection.error().code == ErrorCode::permission) continue;
        return;
      }
      if (!connection->has_value()) return;
      pool.accept(**std::move(connection));
    }
  });
  runtime::StopCallback<std::function<void()>> on_stop(stop, [&] { loop.stop(); });
  log.write(fmt::format("pool {} serves at {}", ::getpid(), options.paths.socket.string()));
  if (options.on_ready) options.on_ready();
  loop.run();
  loop.forget(listener.fd());
  log.write(fmt::format("pool {} ends", ::getpid()));
  return {};
}

Result<void> start_pool_daemon(const PoolDaemonOptions& options, const Clock& clock) {
  TRY_ASSIGN(runtime::Pipe ready, runtime::make_pipe());
  pid_t child = ::fork();
  if (child < 0) return system_error("fork", errno);
  if (child > 0) {
    ready.write_end.reset();
    char outcome = 0;
    ssize_t got = 0;
    do {
      got = ::read(ready.read_end.get(), &outcome, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1) return {};
    int status = 0;
    ::waitpid(child, &status, 0);
    return Error{.code = ErrorCode::unavailable,
                 .message = "the JVM pool did not start; see " + options.paths.log.string()};
  }
  ::setsid();
  if (::chdir("/") < 0) ::_exit(1);
  int null = ::open("/dev/null", O_RDWR);
  for (int fd : {0, 1, 2})
    ::dup2(null, fd);
  ::signal(SIGPIPE, SIG_IGN);
  // Anything else that the caller had open would be held for as long as the pool lives.
  int keep = ready.write_end.get();
  for (int fd = 3; fd < 1024; ++fd) {
    if (fd != keep) ::close(fd);
  }
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  PoolDaemonOptions background = options;
  background.on_ready = [keep] {
    (void)!::write(keep, "r", 1);
    ::close(keep);
  };
  auto result = run_pool_daemon(background, {}, clock);
  ::_exit(result.ok() ? 0 : 1);
}

}  // namespace stoker::workers
