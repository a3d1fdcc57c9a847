#include "local/steps/process_attempt.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "runtime/file.h"
#include "runtime/process/process_table.h"
#include "runtime/process/process_usage.h"

namespace stoker::local {

namespace {

json::value declared_outputs(const pipeline::Step& step) {
  json::object outputs;
  for (const auto& output : step.outputs) {
    json::object declaration{{"type", output.type}};
    if (!output.materializer.empty()) declaration["materializer"] = output.materializer;
    outputs[output.name] = std::move(declaration);
  }
  return outputs;
}

// Names of all secrets in a binding, at any depth.
void find_secrets(const json::value& binding, std::vector<std::string>& names) {
  if (binding.is_array()) {
    for (const auto& item : binding.get_array())
      find_secrets(item, names);
  } else if (binding.is_object()) {
    const json::object& object = binding.get_object();
    const json::value* secret = object.if_contains("$secret");
    if (object.size() == 1 && secret != nullptr && secret->is_string()) {
      names.emplace_back(secret->get_string());
      return;
    }
    for (const auto& member : object)
      find_secrets(member.value(), names);
  }
}

// The file of a secret is relative to the project.
std::string located(const std::string& reference, const std::filesystem::path& project_root) {
  constexpr std::string_view kFile = "file:";
  if (!reference.starts_with(kFile)) return reference;
  return std::string(kFile) + (project_root / reference.substr(kFile.size())).string();
}

// Part of the step's cache key already, or holding a secret: the worker observes nothing of them.
json::array declared_variables(const engine::AttemptSpec& spec) {
  std::vector<std::string> secrets;
  find_secrets(spec.inputs, secrets);
  json::array names;
  for (const auto& [name, value] : spec.environment)
    names.emplace_back(name);
  for (const auto& [name, secret] : spec.secrets) {
    names.emplace_back(name);
    secrets.push_back(secret);
  }
  constexpr std::string_view kFromEnvironment = "env:";
  for (const auto& secret : secrets) {
    if (secret.starts_with(kFromEnvironment)) names.emplace_back(secret.substr(kFromEnvironment.size()));
  }
  return names;
}

// Variables of ours that an outer run, or this program's own children, may have left in the environment.
constexpr std::string_view kNotInherited[] = {"STOKER_HOST", "STOKER_PROTOCOL", "STOKER_INVOCATION", "STOKER_RESULT",
                                              "STOKER_LEASE"};

// A process that hangs in the kernel does not die at once; the attempt does not wait for it longer than this.
constexpr std::chrono::seconds kLeftBehindLimit{2};

struct LeftBehindUse {
  std::chrono::milliseconds cpu{0};
  std::uint64_t peak_rss_bytes = 0;
};

// Nothing that the attempt started may still write when its outputs are collected, also if it left its group or its
// session. What it used (a JVM of a step's own, for one) counts as the attempt's: nobody waited for it, so the leader's
// account lacks it.
LeftBehindUse end_left_behind(pid_t leader, const engine::AttemptId& id, const Clock& clock) {
  LeftBehindUse use;
  auto find = [&] { return runtime::find_left_behind(leader, "STOKER_ATTEMPT_ID", id.text()); };
  for (const auto& process : find()) {
    auto usage = runtime::process_usage(process.pid);
    if (!usage) continue;
    use.cpu += usage->cpu;
    use.peak_rss_bytes += usage->peak_resident_bytes;
  }
  ::kill(-leader, SIGKILL);  // its own number is free already, its group's not while it has members
  [[maybe_unused]] auto ignored =
      runtime::end_processes(find, runtime::Context{}.with_timeout(clock, kLeftBehindLimit), clock);
  return use;
}

}  // namespace

AttemptFiles::AttemptFiles(const std::filesystem::path& folder)
    : invocation(folder / "invocation.json"),
      result(folder / "result.json"),
      result_lines(folder / "result.txt"),
      standard_output(folder / "stdout.log"),
      standard_error(folder / "stderr.log"),
      spark_log(folder / "spark.log"),
      scratch(folder / "scratch"),
      process(folder / "process.json") {}

void kill_session(pid_t pid, int signal) {
  // A child that was forked a moment ago may not have made its session yet.
  if (::kill(-pid, signal) < 0 && errno == ESRCH) ::kill(pid, signal);
}

ProcessAttempt::ProcessAttempt(engine::AttemptSpec spec, engine::AttemptEvents& events, LocalServices& services,
                               Done done)
    : LocalAttempt(std::move(spec), events, services, std::move(done)), files_(spec_.attempt_folder) {}

ProcessAttempt::~ProcessAttempt() {
  services_.loop.cancel(kill_timer_);
  services_.loop.cancel(linger_timer_);
  if (process_) services_.loop.forget(process_->exit_fd());
}

Result<void> ProcessAttempt::prepare() {
  TRY(runtime::make_directories(files_.scratch));
  for (const auto& stale : {files_.result, files_.result_lines, files_.process}) {
    TRY(runtime::remove_tree(stale));  // of an engine that died before it had recorded this attempt
  }
  TRY_ASSIGN(output_, runtime::open_file(files_.standard_output, runtime::OpenMode::create));
  TRY_ASSIGN(error_, runtime::open_file(files_.standard_error, runtime::OpenMode::create));
  TRY_ASSIGN(auto ends, runtime::make_socket_pair());
  protocol_ = std::move(ends.second);
  stream_ = std::make_unique<WorkerStream>(std::move(ends.first), spec_.id, events_, services_.loop,
                                           [this](std::string fault) {
                                             note(fault);
                                             stream_fault_ = std::move(fault);
                                           });
  return write_invocation();
}

Result<void> ProcessAttempt::write_invocation() const {
  json::object invocation{{"version", 1},
                          {"run", spec_.id.run.str()},
                          {"pipeline", spec_.run->pipeline.str()},
                          {"step", spec_.id.step.str()},
                          {"attempt", spec_.id.attempt},
                          {"inputs", spec_.inputs},
                          {"outputs", declared_outputs(*spec_.step)},
                          {"environment", declared_variables(spec_)},
                          {"artifacts", spec_.artifacts_folder.string()},
                          {"result", files_.result.string()},
                          {"scratch", files_.scratch.string()},
                          {"store", spec_.run->store.string()},
                          {"project", spec_.run->project},
                          {"grace_seconds", static_cast<double>(spec_.run->grace.count()) / 1000}};
  for (auto& member : invocation_part())
    invocation[member.key()] = member.value();
  return runtime::write_file(files_.invocation, codec::write_json(invocation));
}

Result<runtime::Environment> ProcessAttempt::own_environment() const {
  runtime::Environment environment;
  for (const auto& [name, value] : spec_.environment)
    environment[name] = value;
  std::vector<std::string> secrets;
  find_secrets(spec_.inputs, secrets);
  for (const auto& [variable, name] : spec_.secrets)
    secrets.push_back(name);
  std::map<std::string, std::string> values;
  for (const auto& name : secrets) {
    if (values.contains(name)) continue;
    if (!services_.options.secrets)
      return Error{.code = ErrorCode::environment, .message = fmt::format("the secret \"{}\" is not set", name)};
    TRY_ASSIGN(values[name], services_.options.secrets(located(name, spec_.run->project_root)));
    environment[secret_variable(name)] = values[name];
  }
  for (const auto& [variable, name] : spec_.secrets)
    environment[variable] = values[name];
  environment["STOKER_RUN"] = spec_.id.run.str();
  environment["STOKER_STEP"] = spec_.id.step.str();
  environment["STOKER_ATTEMPT"] = std::to_string(spec_.id.attempt);
  environment["STOKER_ATTEMPT_ID"] = spec_.id.text();
  environment["STOKER_INVOCATION"] = files_.invocation.string();
  environment["STOKER_SCRATCH"] = files_.scratch.string();
  environment["STOKER_PROJECT_ROOT"] = spec_.run->project_root.string();
  return environment;
}

Result<runtime::Environment> ProcessAttempt::full_environment() const {
  TRY_ASSIGN(runtime::Environment own, own_environment());
  runtime::Environment environment = services_.options.environment;
  for (auto name : kNotInherited)
    environment.erase(std::string(name));
  for (auto& [name, value] : own)
    environment[name] = std::move(value);
  return environment;
}

Result<void> ProcessAttempt::start(runtime::ProcessSpec process) {
  process.output = runtime::Stream::to(output_.get());
  process.error = runtime::Stream::to(error_.get());
  process.inherited.push_back(protocol_.get());
  (*process.environment)["STOKER_PROTOCOL"] = std::to_string(protocol_.get());
  process.die_with_parent = true;  // the loop's thread lives as long as the runner
  TRY_ASSIGN(runtime::Process started, runtime::Process::start(process));
  process_ = std::move(started);
  services_.loop.watch(process_->exit_fd(), weakly(this, &ProcessAttempt::reap));
  running(process_->pid());
  return {};
}

void ProcessAttempt::reap() {
  auto status = process_->try_wait();
  if (status && !*status) return;
  services_.loop.forget(process_->exit_fd());
  exited(status ? **status : runtime::ExitStatus{});
}

void ProcessAttempt::running(pid_t pid) {
  pid_ = pid;
  protocol_.reset();
  output_.reset();
  error_.reset();
  memory_kills_before_ = runtime::count_memory_kills();
  record_process();
  events_.started(spec_.id, pid);
}

void ProcessAttempt::record_process() const {
  auto identity = runtime::identify_process(pid_);
  if (!identity) return;  // it has ended already
  // Recovery does without it where it is missing (a full disk): it then finds the process by its environment.
  [[maybe_unused]] auto ignored =
      runtime::write_file(files_.process, codec::write_json({{"pid", pid_}, {"started", identity->started}}));
}

void ProcessAttempt::cancel(std::chrono::milliseconds grace) {
  if (finished() || exited_) return;
  if (pid_ <= 0) {
    cancelled_ = true;
    return finish_cancelled();
  }
  cancelled_ = true;
  end_group(grace);
}

void ProcessAttempt::end_group(std::chrono::milliseconds grace) {
  services_.loop.cancel(kill_timer_);
  kill_timer_ = runtime::TimerId::none;
  if (grace <= grace.zero()) {
    kill_session(pid_, SIGKILL);
    return;
  }
  kill_session(pid_, SIGTERM);
  kill_session(pid_, SIGCONT);  // a stopped process would not see it
  kill_timer_ = services_.loop.after(grace, weakly(this, &ProcessAttempt::kill_now));
}

void ProcessAttempt::kill_now() {
  if (is_running()) kill_session(pid_, SIGKILL);
}

void ProcessAttempt::expect_exit() {
  if (!is_running() || linger_timer_ != runtime::TimerId::none) return;
  linger_timer_ = services_.loop.after(spec_.run->grace, weakly(this, &ProcessAttempt::end_lingering));
}

void ProcessAttempt::end_lingering() {
  if (!is_running() || cancelled_) return;
  lingered_ = true;
  note("the step had its result and did not exit: ended");
  end_group(spec_.run->grace);
}

void ProcessAttempt::set_cause(std::string cause, bool out_of_memory) {
  if (!cause_.empty()) return;
  cause_ = std::move(cause);
  cause_out_of_memory_ = out_of_memory;
}

void ProcessAttempt::exited(const runtime::ExitStatus& status) {
  if (std::exchange(exited_, true)) return;
  services_.loop.cancel(kill_timer_);
  services_.loop.cancel(linger_timer_);
  stream_->drain();
  status_ = status;
  AttemptEnd end;
  end.exit = status;
  end.cancelled = cancelled_;
  end.lingered = lingered_;
  auto kills = runtime::count_memory_kills();
  end.memory_kill = kills && memory_kills_before_ && *kills > *memory_kills_before_;
  end.cause = cause_;
  end.cause_out_of_memory = cause_out_of_memory_;
  end.stream_fault = stream_fault_;
  services_.workers.submit([collect = collector(std::move(end)), &loop = services_.loop, scratch = files_.scratch,
                            pid = pid_, id = spec_.id, &clock = services_.clock,
                            back = weakly(this, &ProcessAttempt::collected)] {
    const LeftBehindUse use = end_left_behind(pid, id, clock);
    engine::AttemptResult result = collect();
    result.cpu_milliseconds = use.cpu.count();
    result.peak_rss_bytes = static_cast<std::int64_t>(use.peak_rss_bytes);
    // What a failed step left is kept for its author; gc removes it with the run.
    if (result.succeeded) [[maybe_unused]]
      auto removed = runtime::remove_tree(scratch);
    loop.post([result = std::move(result), back]() mutable { back(std::move(result)); });
  });
}

void ProcessAttempt::collected(engine::AttemptResult result) {
  result.logs["stdout"] = files_.standard_output.string();
  result.logs["stderr"] = files_.standard_error.string();
  result.cpu_milliseconds =
      result.cpu_milliseconds.value_or(0) +
      std::chrono::duration_cast<std::chrono::milliseconds>(status_.user + status_.system).count();
  result.peak_rss_bytes = result.peak_rss_bytes.value_or(0) + static_cast<std::int64_t>(status_.peak_rss_bytes);
  release(std::move(result), weakly(this, &ProcessAttempt::finish));
}

}  // namespace stoker::local
