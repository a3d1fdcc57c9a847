#include "local/steps/python_attempt.h"

#include <fmt/format.h>

#include <csignal>
#include <utility>

#include "codec/base64.h"
#include "local/result.h"
#include "runtime/file.h"

namespace stoker::local {

namespace {

constexpr std::size_t kLogTail = 64 * 1024;

// The JVM's end explains a failure better than the exception that Python saw.
void blame_jvm(engine::AttemptResult& result, const SparkJvmEnd& end) {
  if (result.succeeded || result.error.failure_class == pipeline::FailureClass::cancelled) return;
  result.error.failure_class =
      end.out_of_memory ? pipeline::FailureClass::out_of_memory : pipeline::FailureClass::infrastructure;
  result.error.message =
      (end.out_of_memory ? "the Spark JVM ran out of memory: " : "the Spark JVM ended under the step: ") + end.reason;
  if (end.out_of_memory) result.error.hint = "give the step more driver_memory, or less data";
}

}  // namespace

PythonAttempt::~PythonAttempt() {
  lease_stop_.request_stop();
  services_.watcher.forget(result_watch_);
}

std::filesystem::path PythonAttempt::module_file() const {
  if (!body().pickle.empty() || body().file.empty()) return {};
  return spec_.run->project_root / body().file;
}

json::object PythonAttempt::invocation_part() const {
  json::object entry;
  if (!body().pickle.empty()) {
    entry = {{"pickle", (spec_.attempt_folder / "function.pickle").string()}};
  } else {
    entry = {{"root", spec_.run->project_root.string()},
             {"file", module_file().string()},
             {"module", body().module},
             {"function", body().function}};
  }
  json::object part{{"kind", "python"}, {"entry", std::move(entry)}, {"injectSession", body().inject_session}};
  if (services_.options.compiled_at) part["compiled_at"] = seconds_since_1970(*services_.options.compiled_at);
  part["session"] = body().session ? json::value(*body().session) : json::value(nullptr);
  if (!body().interfaces.empty()) part["x-interfaces"] = body().interfaces;
  return part;
}

Result<void> PythonAttempt::write_pickle() const {
  if (body().pickle.empty()) return {};
  auto bytes = codec::decode_base64(body().pickle);
  if (!bytes) return Error{.code = ErrorCode::invalid_document, .message = "the step's pickle is not base64"};
  return runtime::write_file(spec_.attempt_folder / "function.pickle", *bytes);
}

void PythonAttempt::begin() {
  if (auto prepared = prepare(); !prepared) return fail(prepared.error());
  if (auto written = write_pickle(); !written) return fail(written.error());
  auto facts = python_.facts(*spec_.run);
  if (!facts) return fail(facts.error());
  facts_ = *std::move(facts);
  if (needs_spark() && services_.options.leaser && !services_.options.isolated) lease();
  if (finished()) return;
  python_.prepare(*spec_.run, module_file(), weakly(this, &PythonAttempt::host_ready));
}

void PythonAttempt::lease() {
  auto home = find_spark_home(services_.options.environment, facts_);
  if (!home) return fail(home.error());
  auto environment = full_environment();
  if (!environment) return fail(environment.error());
  SparkLeaseRequest request{spec_.id,
                            spec_.run->project_root,
                            spec_.run->working_directory,
                            files().spark_log,
                            facts_.executable,
                            *home,
                            facts_.pyspark_version,
                            {},
                            spec_.run->pipeline.str() + "/" + spec_.id.step.str(),
                            *body().session,
                            *std::move(environment)};
  lease_pending_ = true;
  auto progress = [&events = events_, id = spec_.id](std::vector<engine::StageProgress> stages) {
    engine::AttemptProgress all;
    for (const auto& stage : stages) {
      all.done += stage.done;
      all.total += stage.total;
    }
    all.stages = std::move(stages);
    events.progress(id, std::move(all));
  };
  services_.lease_workers.submit([leaser = services_.options.leaser, request = std::move(request),
                                  stop = lease_stop_.get_token(), &loop = services_.loop, progress,
                                  back = weakly(this, &PythonAttempt::leased)] {
    auto lease = std::make_shared<Result<std::unique_ptr<SparkLease>>>(leaser->lease(request, stop, progress));
    loop.post([lease, back] { back(lease); });
  });
}

void PythonAttempt::leased(const std::shared_ptr<Result<std::unique_ptr<SparkLease>>>& lease) {
  lease_pending_ = false;
  if (finished()) {  // cancelled meanwhile
    if (!*lease) return;
    std::shared_ptr<SparkLease> unwanted = std::move(**lease);
    services_.release_workers.submit([unwanted = std::move(unwanted)]() mutable { unwanted.reset(); });
    return;
  }
  if (!*lease) return fail(lease->error());
  lease_ = std::move(**lease);
  launch_when_ready();
}

void PythonAttempt::host_ready(Result<PythonStart> start) {
  if (finished()) return;
  if (!start) {
    engine::AttemptResult result;
    result.error = attempt_error(start.error());
    if (start.error().code == ErrorCode::user_code) std::swap(result.error.hint, result.error.traceback);
    return finish(std::move(result));
  }
  if (!start->reason.empty()) note(start->reason);
  start_ = *std::move(start);
  launch_when_ready();
}

void PythonAttempt::launch_when_ready() {
  if (!start_ || lease_pending_ || finished()) return;
  if (auto launched = launch(); !launched) fail(launched.error());
}

Result<runtime::Environment> PythonAttempt::spark_environment() const {
  if (lease_) return lease_->environment();
  runtime::Environment environment;
  if (!needs_spark()) return environment;
  TRY_ASSIGN(auto home, find_spark_home(services_.options.environment, facts_));
  environment["SPARK_HOME"] = home.string();
  environment["PYSPARK_PYTHON"] = facts_.executable.string();
  // Without it Spark looks up the name of the machine, which needs a network.
  if (!services_.options.environment.contains("SPARK_LOCAL_IP")) environment["SPARK_LOCAL_IP"] = "127.0.0.1";
  return environment;
}

Result<void> PythonAttempt::launch() {
  TRY_ASSIGN(runtime::Environment spark, spark_environment());
  if (start_->host == nullptr) return launch_fresh(std::move(spark));
  TRY_ASSIGN(runtime::Environment own, own_environment());
  for (auto& [name, value] : spark)
    own.insert_or_assign(name, std::move(value));
  launch_forked(std::move(own));
  return {};
}

Result<void> PythonAttempt::launch_fresh(runtime::Environment more) {
  runtime::ProcessSpec process;
  process.argv = {facts_.executable.string(), "-m", "stoker._worker", files().invocation.string()};
  TRY_ASSIGN(runtime::Environment environment, full_environment());
  for (auto& [name, value] : more)
    environment.insert_or_assign(name, std::move(value));
  process.environment = with_sdk(std::move(environment), python_.sdk_for(facts_));
  process.working_directory = spec_.run->working_directory;
  TRY(start(std::move(process)));
  watch_result();
  return {};
}

void PythonAttempt::launch_forked(runtime::Environment environment) {
  PythonHost::Run request{files().invocation, std::move(environment), spec_.run->working_directory,
                          protocol_.get(),    output_.get(),          error_.get()};
  auto on_started = [weak = weak_from_this(), this](Result<pid_t> pid) {
    auto alive = weak.lock();
    if (!pid) {
      if (alive) fail(pid.error());
    } else if (!alive || finished()) {
      kill_session(*pid, SIGKILL);  // cancelled while it started
    } else {
      running(*pid);
      watch_result();
    }
  };
  auto on_exited = [weak = weak_from_this(), this](const runtime::ExitStatus& status, const std::string& cause) {
    auto alive = weak.lock();
    if (!alive || finished()) return;
    if (!cause.empty()) set_cause(cause, false);
    exited(status);
  };
  start_->host->run(request, on_started, on_exited);
}

void PythonAttempt::watch_result() {
  result_watch_ = services_.watcher.watch(files().result, weakly(this, &PythonAttempt::look_for_result));
}

void PythonAttempt::look_for_result() {
  std::error_code ignored;
  if (!std::filesystem::exists(files().result, ignored)) return;
  services_.watcher.forget(std::exchange(result_watch_, runtime::WatchId::none));
  expect_exit();
}

ProcessAttempt::Collector PythonAttempt::collector(AttemptEnd end) {
  return [spec = spec_, files = files(), end = std::move(end)] {
    auto read = read_result(files.result, spec);
    if (!read) {
      engine::AttemptResult broken;
      broken.error = attempt_error(read.error());
      return broken;
    }
    // What was finished before it was cancelled is finished.
    if (*read && ((*read)->succeeded || !end.cancelled)) return **std::move(read);
    engine::AttemptResult result;
    auto tail = runtime::read_file_tail(files.standard_error, kLogTail);
    result.error = explain_end(end, tail ? *tail : std::string());
    return result;
  };
}

void PythonAttempt::release(engine::AttemptResult result, const std::function<void(engine::AttemptResult)>& done) {
  if (!lease_) return done(std::move(result));
  result.logs["spark"] = files().spark_log.string();
  services_.release_workers.submit(
      [lease = std::move(lease_), result = std::move(result), done, &loop = services_.loop]() mutable {
        auto use = lease->release();
        if (use) {
          result.cpu_milliseconds = result.cpu_milliseconds.value_or(0) + use->cpu_milliseconds;
          result.peak_rss_bytes = result.peak_rss_bytes.value_or(0) + use->peak_rss_bytes;
        }
        if (auto end = lease->jvm_end()) blame_jvm(result, *end);
        lease.reset();
        loop.post([result = std::move(result), done]() mutable { done(std::move(result)); });
      });
}

}  // namespace stoker::local
