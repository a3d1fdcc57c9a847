#include "workers/pool_client.h"

#include <fmt/format.h>

#include "runtime/process/process.h"

namespace stoker::workers {

using namespace std::chrono_literals;

namespace {

constexpr auto kStartLimit = 20s;
constexpr auto kReleaseLimit = 40s;  // stopping a context may take the pool its own limit
constexpr auto kSendLimit = 5s;
constexpr int kConnectAttempts = 3;

// All that the daemon itself needs; what a JVM sees comes with each lease.
constexpr const char* kDaemonVariables[] = {
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"};

std::string operation(const json::value& message) {
  const auto* object = message.if_object();
  const auto* op = object ? object->if_contains("op") : nullptr;
  return op && op->is_string() ? std::string(op->get_string()) : std::string();
}

}  // namespace

PoolLease::PoolLease(std::unique_ptr<runtime::Channel> channel, Leased first, OnProgress on_progress,
                     const Clock& clock)
    : channel_(std::move(channel)), leased_(std::move(first)), on_progress_(std::move(on_progress)), clock_(clock) {
  listener_ = std::jthread([this](const runtime::StopToken& stop) { listen(stop); });
}

PoolLease::~PoolLease() {
  release();
}

runtime::Environment PoolLease::environment() const {
  return {{"PYSPARK_GATEWAY_PORT", std::to_string(leased_.gateway.port)},
          {"PYSPARK_GATEWAY_SECRET", leased_.gateway.secret},
          {"STOKER_LEASE", leased_.lease_id}};
}

void PoolLease::listen(const runtime::StopToken& stop) {
  runtime::Context context{.stop = stop};
  while (true) {
    auto message = channel_->receive(context, clock_);
    auto event = message.ok() ? lease_event_from_json(*message) : Result<LeaseEvent>(message.error());
    if (event.ok() && std::holds_alternative<Progress>(*event)) {
      if (on_progress_) on_progress_(std::move(std::get<Progress>(*event).stages));
      continue;
    }
    std::scoped_lock lock(mutex_);
    if (event.ok()) {
      if (auto* released = std::get_if<Released>(&*event)) released_ = *released;
      if (auto* exited = std::get_if<JvmExited>(&*event)) exited_ = std::move(*exited);
    } else if (!asked_) {
      exited_ = JvmExited{.status = "unknown", .reason = "the JVM pool went away: " + event.error().describe()};
    }
    finished_ = true;
    changed_.notify_all();
    return;
  }
}

std::optional<Released> PoolLease::release() {
  {
    std::unique_lock lock(mutex_);
    if (!asked_ && !finished_) {
      asked_ = true;
      auto context = runtime::Context{}.with_timeout(clock_, kSendLimit);
      lock.unlock();
      auto sent = channel_->send(json::object{{"op", "release"}}, context, clock_);
      lock.lock();
      // Closing the connection, below, releases as well.
      if (sent.ok()) changed_.wait_for(lock, kReleaseLimit, [&] { return finished_; });
    }
  }
  listener_.request_stop();
  if (listener_.joinable()) listener_.join();
  channel_->close();
  std::scoped_lock lock(mutex_);
  return released_;
}

std::optional<JvmExited> PoolLease::jvm_exit() const {
  std::scoped_lock lock(mutex_);
  return exited_;
}

Result<void> PoolClient::start_daemon(const runtime::Context& context) {
  runtime::Environment environment;
  runtime::Environment ours = runtime::current_environment();
  for (const char* name : kDaemonVariables) {
    if (auto found = ours.find(name); found != ours.end()) environment.insert(*found);
  }
  runtime::ProcessSpec spec{.argv = serve_, .environment = std::move(environment)};
  auto limited = context.with_timeout(clock_, kStartLimit);
  TRY_ASSIGN(runtime::Output output, runtime::run_program(std::move(spec), limited, clock_));
  // Another client may have been faster: what counts is whether one can connect.
  if (output.status.success() || runtime::connect_unix(paths_.socket).ok()) return {};
  return Error{.code = ErrorCode::environment,
               .message = "the JVM pool did not start (" + output.status.describe() + "): " + output.err,
               .hint = "see " + paths_.log.string() + ", or run with --isolated"};
}

Result<std::unique_ptr<runtime::Channel>> PoolClient::connect(const runtime::Context& context) {
  auto socket = runtime::connect_unix(paths_.socket);
  if (!socket) {
    TRY(start_daemon(context));
    socket = runtime::connect_unix(paths_.socket);
  }
  if (!socket) return socket.error();
  return std::make_unique<runtime::Channel>(*std::move(socket), kMaximumPoolMessage);
}

Result<std::unique_ptr<PoolLease>> PoolClient::lease(const LeaseRequest& request, const runtime::Context& context,
                                                     PoolLease::OnProgress on_progress) {
  json::value question = to_json(request);
  std::optional<Error> failure;
  for (int attempt = 0; attempt < kConnectAttempts; ++attempt) {
    auto connected = connect(context);
    if (!connected) {
      // A pool that is just ending still holds its lock and has no socket any more.
      failure = connected.error();
      continue;
    }
    auto channel = *std::move(connected);
    auto sent = channel->send(question, context, clock_);
    auto queued = sent.ok() ? channel->receive(context, clock_) : Result<json::value>(sent.error());
    if (!queued || operation(*queued) != "queued") {
      TRY(context.check(clock_));
      failure =
          queued.ok() ? Error{.code = ErrorCode::corrupt, .message = "bad message of the JVM pool"} : queued.error();
      continue;
    }
    TRY_ASSIGN(json::value answer, channel->receive(context, clock_));
    TRY_ASSIGN(LeaseEvent event, lease_event_from_json(answer));
    if (auto* leased = std::get_if<Leased>(&event)) {
      return std::make_unique<PoolLease>(std::move(channel), std::move(*leased), std::move(on_progress), clock_);
    }
    if (auto* refused = std::get_if<Refused>(&event)) return std::move(refused->error);
    if (auto* exited = std::get_if<JvmExited>(&event)) {
      return Error{.code = ErrorCode::environment, .message = "the Spark JVM ended at once: " + exited->reason};
    }
    return Error{.code = ErrorCode::corrupt, .message = "bad message of the JVM pool"};
  }
  return std::move(*failure).with_context("lease a Spark JVM");
}

Result<json::value> PoolClient::ask(const json::value& question, const runtime::Context& context) {
  TRY_ASSIGN(runtime::Fd socket, runtime::connect_unix(paths_.socket));
  runtime::Channel channel(std::move(socket), kMaximumPoolMessage);
  TRY(channel.send(question, context, clock_));
  return channel.receive(context, clock_);
}

Result<std::vector<WorkerInfo>> PoolClient::list(const runtime::Context& context) {
  std::vector<WorkerInfo> workers;
  if (!runtime::connect_unix(paths_.socket).ok()) return workers;  // no pool, no JVMs
  TRY_ASSIGN(json::value answer, ask(json::object{{"op", "list"}}, context));
  const auto* list = answer.is_object() ? answer.get_object().if_contains("workers") : nullptr;
  if (list == nullptr || !list->is_array())
    return Error{.code = ErrorCode::corrupt, .message = "bad message of the JVM pool"};
  for (const auto& item : list->get_array()) {
    TRY_ASSIGN(WorkerInfo worker, worker_info_from_json(item));
    workers.push_back(std::move(worker));
  }
  return workers;
}

Result<StopReport> PoolClient::stop(bool force, const runtime::Context& context) {
  if (!runtime::connect_unix(paths_.socket).ok()) return StopReport{};
  TRY_ASSIGN(json::value answer, ask(json::object{{"op", "stop"}, {"force", force}}, context));
  auto number = [&](const char* key) -> std::int64_t {
    const auto* value = answer.is_object() ? answer.get_object().if_contains(key) : nullptr;
    return value && value->is_int64() ? value->get_int64() : 0;
  };
  return StopReport{number("ended"), number("busy")};
}

}  // namespace stoker::workers
