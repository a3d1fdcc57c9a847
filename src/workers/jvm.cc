#include "workers/jvm.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/file.h"
#include "runtime/process/process.h"
#include "runtime/process/process_usage.h"
#include "workers/jvm_command.h"

namespace stoker::workers {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

// A JVM that resolves packages downloads them first.
constexpr auto kStartLimit = 120s;
constexpr auto kResolveLimit = 15min;
constexpr auto kStartPoll = 10ms;  // the gateway tells that it is ready by a file
constexpr auto kOpenLimit = 30s;
constexpr auto kProgressLimit = 5s;
constexpr auto kCloseLimit = 30s;
constexpr auto kRestoreLimit = 15s;
// Python workers end by themselves when their context has gone. A task that is in the middle of something may take
// seconds, and is helped.
constexpr auto kWorkersGrace = 1s;
constexpr auto kWorkersLimit = 10s;
constexpr auto kWorkersPoll = 50ms;
constexpr auto kExitLimit = 5s;
constexpr auto kArchiveExitLimit = 5min;  // writing a class-data archive takes 20-60 s on a busy machine
constexpr std::size_t kConfigurationLimit = 1024 * 1024;
constexpr std::size_t kLogTail = 8 * 1024;
// More live data than this share of the heap after a collection is a leak; below it no collection is made to find out.
constexpr double kHeapShare = 0.6;

struct Configuration {
  std::optional<fs::path> folder;
  std::map<std::string, std::string> defaults;
  bool has_spark_env = false;
};

Configuration read_configuration(const fs::path& spark_home, const runtime::Environment& environment) {
  Configuration configuration;
  const std::string named = variable(environment, "SPARK_CONF_DIR");
  const fs::path folder = named.empty() ? spark_home / "conf" : fs::path(named);
  std::error_code failure;
  if (!fs::is_directory(folder, failure)) return configuration;
  configuration.folder = folder;
  if (auto text = runtime::read_file(folder / "spark-defaults.conf", kConfigurationLimit)) {
    configuration.defaults = parse_spark_defaults(*text);
  }
  configuration.has_spark_env = fs::exists(folder / "spark-env.sh", failure);
  return configuration;
}

Result<JvmCommandInput> command_input(const LeaseRequest& request) {
  JvmCommandInput input;
  TRY_ASSIGN(input.java, inspect_java(request.java));
  TRY_ASSIGN(input.spark, inspect_spark(request.spark_home));
  TRY_ASSIGN(input.version, find_spark_version(input.spark));
  input.settings = request.settings;
  input.environment = jvm_environment(request.environment);
  input.python = request.python;
  Configuration configuration = read_configuration(request.spark_home, request.environment);
  input.spark_defaults = std::move(configuration.defaults);
  input.configuration_folder = std::move(configuration.folder);
  input.has_spark_env = configuration.has_spark_env;
  return input;
}

// "name size" of each jar, in order of name.
std::vector<std::string> list_jars(const fs::path& spark_home) {
  std::vector<std::string> jars;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(spark_home / "jars", failure)) {
    jars.push_back(fmt::format("{} {}", entry.path().filename().string(), entry.file_size(failure)));
  }
  std::ranges::sort(jars);
  return jars;
}

// The file appears complete, by a rename: port and length as big-endian 32-bit integers, then the secret.
std::optional<py4j::GatewayAddress> parse_connection_file(std::string_view bytes) {
  auto integer = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  };
  if (bytes.size() < 8) return std::nullopt;
  std::uint32_t port = integer(0);
  std::uint32_t length = integer(4);
  if (port == 0 || port > UINT16_MAX || length == 0 || bytes.size() - 8 < length) return std::nullopt;
  return py4j::GatewayAddress{static_cast<std::uint16_t>(port), std::string(bytes.substr(8, length))};
}

class SparkJvm final : public Jvm {
 public:
  SparkJvm(LeaseRequest request, JvmCommandInput input, runtime::TemporaryDirectory folder, JvmOptions options,
           const Clock& clock)
      : request_(std::move(request)),
        input_(std::move(input)),
        folder_(std::move(folder)),
        options_(options),
        clock_(clock) {}
  ~SparkJvm() override {
    if (process_) SparkJvm::end();
  }

  Result<void> start() override;
  Result<py4j::GatewayAddress> open_lease(const LeaseSettings& settings, const fs::path& log) override;
  Result<std::vector<StageProgress>> progress() override;
  Closed close_lease() override;
  Result<void> restore() override;
  JvmExited end() override;
  void interrupt() override { stop_.request_stop(); }
  int exit_fd() const override { return process_ ? process_->exit_fd() : -1; }
  pid_t pid() const override { return process_ ? process_->pid() : -1; }

 private:
  runtime::Context within(std::chrono::milliseconds limit) const {
    return runtime::Context{.deadline = runtime::Deadline::after(clock_, limit), .stop = stop_.get_token()};
  }
  Result<py4j::GatewayAddress> wait_for_gateway(const runtime::Context& context);
  Result<void> connect(const runtime::Context& context);
  Error start_failure(const std::string& what) const;
  std::chrono::milliseconds cpu_used() const;
  void sample_memory();
  void kill_workers() const;
  Result<void> wait_for_workers();
  void end_leftovers() const;

  LeaseRequest request_;
  JvmCommandInput input_;
  runtime::TemporaryDirectory folder_;
  JvmOptions options_;
  const Clock& clock_;
  runtime::StopSource stop_;
  std::optional<runtime::Process> process_;
  runtime::Fd holder_;  // the JVM's standard input: it ends when this closes
  py4j::GatewayAddress address_;
  std::optional<SparkControl> control_;
  std::optional<LogCut> log_;
  std::optional<std::uint64_t> memory_kills_;
  std::chrono::milliseconds cpu_before_{0};
  std::uint64_t peak_rss_ = 0;
  bool out_of_memory_ = false;
  std::string lease_id_;

  fs::path log_path() const { return folder_.path() / "jvm.log"; }
};

Error SparkJvm::start_failure(const std::string& what) const {
  auto tail = runtime::read_file_tail(log_path(), kLogTail);
  std::string last;
  if (tail) {
    // The last line that says something is nearly always the reason.
    std::string_view text = *tail;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
      text.remove_suffix(1);
    last = text.substr(text.rfind('\n') + 1);
  }
  return Error{.code = ErrorCode::environment,
               .message = "the Spark JVM " + what + (last.empty() ? "" : ": " + last),
               .hint = "try the same by hand: " + (request_.spark_home / "bin" / "pyspark").string()};
}

Result<py4j::GatewayAddress> SparkJvm::wait_for_gateway(const runtime::Context& context) {
  while (true) {
    if (auto bytes = runtime::read_file(input_.connection_file, 4096)) {
      if (auto address = parse_connection_file(*bytes)) return *address;
    }
    TRY(context.check(clock_));
    pollfd poll{process_->exit_fd(), POLLIN, 0};
    if (::poll(&poll, 1, kStartPoll.count()) > 0) {
      auto status = process_->wait(within(kExitLimit), clock_);
      return start_failure("did not start (" + (status ? status->describe() : "gone") + ")");
    }
  }
}

Result<void> SparkJvm::start() {
  TRY_ASSIGN(JvmCommand command, plan_jvm_command(input_));
  if (options_.low_priority) command.argv.insert(command.argv.begin(), {"nice", "-n", "19"});
  TRY_ASSIGN(runtime::Fd log, runtime::open_file(log_path(), runtime::OpenMode::append));
  TRY_ASSIGN(runtime::Pipe input, runtime::make_pipe());
  memory_kills_ = runtime::count_memory_kills();
  runtime::ProcessSpec spec{.argv = std::move(command.argv),
                            .environment = std::move(command.environment),
                            .working_directory = request_.working_directory,
                            .input = runtime::Stream::to(input.read_end.get()),
                            .output = runtime::Stream::to(log.get()),
                            .error = runtime::Stream::to(log.get())};
  TRY_ASSIGN(process_, runtime::Process::start(spec));
  holder_ = std::move(input.write_end);
  auto context = within(request_.settings.packages.empty() ? kStartLimit : kResolveLimit);
  auto address = wait_for_gateway(context);
  if (!address && address.error().code == ErrorCode::timed_out) return start_failure("did not start in time");
  TRY(address);
  address_ = *address;
  return connect(within(kOpenLimit));
}

Result<void> SparkJvm::connect(const runtime::Context& context) {
  TRY_ASSIGN(control_, SparkControl::connect(address_, request_.working_directory, context, clock_));
  return {};
}

// Of the JVM and of the Python workers that live. A worker that has ended is not counted: its parent does not wait for
// it.
std::chrono::milliseconds SparkJvm::cpu_used() const {
  auto usage = runtime::process_usage(pid());
  auto sum = usage ? usage->cpu : 0ms;
  for (const auto& member : runtime::session_members(pid())) {
    if (auto worker = runtime::process_usage(member.pid)) sum += worker->cpu;
  }
  return sum;
}

void SparkJvm::sample_memory() {
  peak_rss_ = std::max(peak_rss_, runtime::resident_memory_of_session(pid()));
}

Result<py4j::GatewayAddress> SparkJvm::open_lease(const LeaseSettings& settings, const fs::path& log) {
  lease_id_ = settings.lease_id;
  cpu_before_ = cpu_used();
  peak_rss_ = 0;
  out_of_memory_ = false;
  runtime::reset_peak_memory(pid());
  TRY_ASSIGN(log_, LogCut::begin(log_path(), log));
  return control_->open_lease(settings, within(kOpenLimit));
}

Result<std::vector<StageProgress>> SparkJvm::progress() {
  sample_memory();
  if (log_) TRY(log_->advance());
  return control_->stages(within(kProgressLimit));
}

Jvm::Closed SparkJvm::close_lease() {
  Closed closed;
  sample_memory();
  closed.account.cpu = cpu_used() - cpu_before_;  // before the workers end and are counted no more
  auto counts = control_->stop_lease(within(kCloseLimit));
  if (counts) {
    closed.account.jobs = counts->jobs;
    closed.account.stages = counts->stages;
  } else {
    closed.doubt = counts.error();
  }
  if (auto usage = runtime::process_usage(pid())) peak_rss_ = std::max(peak_rss_, usage->peak_resident_bytes);
  closed.account.peak_rss_bytes = peak_rss_;
  if (log_) {
    auto moved = log_->advance();
    if (!moved && !closed.doubt) closed.doubt = moved.error();
    out_of_memory_ = log_->saw_out_of_memory();
    log_.reset();
  }
  closed.account.out_of_memory = out_of_memory_;
  if (out_of_memory_ && !closed.doubt) {
    closed.doubt = Error{.code = ErrorCode::conflict, .message = "the JVM ran out of memory during the lease"};
  }
  return closed;
}

// Python workers carry the lease in their environment; what the step started in another way does not, and puts the JVM
// in doubt.
void SparkJvm::kill_workers() const {
  auto workers = runtime::find_processes_by_environment(kLeaseVariable, lease_id_);
  for (const auto& member : runtime::session_members(pid())) {
    if (std::ranges::find(workers, member) != workers.end()) runtime::signal_process(member, SIGKILL);
  }
}

Result<void> SparkJvm::wait_for_workers() {
  auto grace = runtime::Deadline::after(clock_, kWorkersGrace);
  auto context = within(kWorkersLimit);
  while (!runtime::session_members(pid()).empty()) {
    if (grace.passed(clock_.steady_now())) kill_workers();
    if (auto left = context.check(clock_); !left.ok()) {
      if (left.error().code != ErrorCode::timed_out) return left;
      return Error{.code = ErrorCode::conflict, .message = "processes that the step started live on"};
    }
    pollfd poll{process_->exit_fd(), POLLIN, 0};
    ::poll(&poll, 1, kWorkersPoll.count());
  }
  return {};
}

Result<void> SparkJvm::restore() {
  auto context = within(kRestoreLimit);
  TRY(control_->restore(context));
  TRY_ASSIGN(HeapUse heap, control_->heap(false, context));
  auto is_full = [](const HeapUse& use) {
    return static_cast<double>(use.used) > kHeapShare * static_cast<double>(use.limit);
  };
  if (is_full(heap)) {
    TRY_ASSIGN(heap, control_->heap(true, context));
    if (is_full(heap)) return Error{.code = ErrorCode::conflict, .message = "too much of the heap stayed in use"};
  }
  TRY(wait_for_workers());
  // Between leases nobody owns what is in the log. In append mode the next line goes to the new start.
  if (::truncate(log_path().c_str(), 0) < 0) return system_error("truncate the log of a JVM", errno);
  return {};
}

void SparkJvm::end_leftovers() const {
  if (!process_) return;
  for (const auto& member : runtime::session_members(process_->pid()))
    runtime::signal_process(member, SIGKILL);
}

JvmExited SparkJvm::end() {
  JvmExited exited;
  if (!process_) return exited;
  control_.reset();
  holder_.reset();
  runtime::Context context{
      .deadline = runtime::Deadline::after(
          clock_, options_.make_archive ? std::chrono::milliseconds(kArchiveExitLimit) : kExitLimit)};
  auto status = process_->wait(context, clock_);
  bool forced = !status;
  end_leftovers();
  if (forced) {
    process_->kill_group(SIGKILL);
    status = process_->wait({}, clock_);
  }
  if (log_) {
    (void)log_->advance();
    out_of_memory_ = log_->saw_out_of_memory();
    log_.reset();
  }
  exited.status = status ? status->describe() : "gone";
  auto kills = runtime::count_memory_kills();
  bool killed_for_memory =
      status && status->signal == SIGKILL && !forced && kills && memory_kills_ && *kills > *memory_kills_;
  exited.out_of_memory = out_of_memory_ || killed_for_memory;
  if (killed_for_memory) {
    exited.reason = "the kernel killed the JVM because the machine's memory was used up";
  } else if (out_of_memory_) {
    exited.reason = "the JVM ran out of heap memory (java.lang.OutOfMemoryError)";
  } else if (status && status->signal != 0) {
    exited.reason = "the JVM was ended by a signal";
  } else {
    exited.reason = "the JVM ended by itself";
  }
  process_.reset();
  return exited;
}

}  // namespace

Result<JvmLaunch> inspect_launch(const LeaseRequest& request, const JvmFolders& folders) {
  TRY_ASSIGN(JvmCommandInput input, command_input(request));
  TRY_ASSIGN(JvmCommand command, plan_jvm_command(input));
  JvmLaunch launch{.java = input.java, .spark = input.spark, .memory_bytes = command.memory_bytes};
  if (can_use_archive(input)) {
    launch.archive = folders.archives / archive_name(input, list_jars(request.spark_home));
    std::error_code failure;
    launch.archive_exists = fs::exists(*launch.archive, failure);
  }
  return launch;
}

Result<std::unique_ptr<Jvm>> make_jvm(const LeaseRequest& request, const JvmFolders& folders, const JvmOptions& options,
                                      const Clock& clock) {
  TRY_ASSIGN(JvmLaunch launch, inspect_launch(request, folders));
  TRY_ASSIGN(JvmCommandInput input, command_input(request));
  TRY(runtime::make_directories(folders.scratch));
  TRY_ASSIGN(auto folder, runtime::TemporaryDirectory::make("jvm-", folders.scratch));
  input.connection_file = folder.path() / "gateway";
  if (options.make_archive) {
    if (!launch.archive) {
      return Error{.code = ErrorCode::unsupported,
                   .message = "this Java and Spark configuration cannot use a class-data archive"};
    }
    input.make_class_archive = fs::path(*launch.archive).concat(".new");
  } else if (launch.archive && launch.archive_exists) {
    input.class_archive = launch.archive;
  }
  return std::unique_ptr<Jvm>(std::make_unique<SparkJvm>(request, std::move(input), std::move(folder), options, clock));
}

}  // namespace stoker::workers
