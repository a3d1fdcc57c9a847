#include "workers/pool.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/process/process_usage.h"

namespace stoker::workers {

namespace {

constexpr std::size_t kDriverQueue = 64;  // a JVM has at most a handful of tasks waiting

}  // namespace

Pool::Driver::Driver() : tasks_(kDriverQueue) {
  thread_ = std::jthread([this] {
    while (auto task = tasks_.pop())
      (*task)();
  });
}

Pool::Driver::~Driver() {
  tasks_.close();
}

void Pool::Driver::run(std::function<void()> task) {
  tasks_.push(std::move(task));
}

Pool::Pool(runtime::EventLoop& loop, PoolSettings settings, PoolWorld world, std::function<void()> on_empty)
    : loop_(loop), settings_(settings), world_(std::move(world)), on_empty_(std::move(on_empty)) {
  arm_linger();
}

Pool::~Pool() {
  for (auto& [id, entry] : entries_) {
    if (entry->watched_fd >= 0) loop_.forget(entry->watched_fd);
    entry->jvm->interrupt();
  }
  for (auto& [id, connection] : connections_)
    loop_.forget(connection.channel->fd());
  loop_.cancel(wake_timer_);
  loop_.cancel(linger_timer_);
  training_.request_stop();
}

void Pool::accept(runtime::Fd socket) {
  if (connections_.size() >= settings_.connections) return;  // closed at once: the client reports it
  ConnectionId id{++last_id_};
  Connection connection;
  connection.channel = std::make_unique<runtime::Channel>(std::move(socket), kMaximumPoolMessage);
  int fd = connection.channel->fd();
  connections_.emplace(id, std::move(connection));
  loop_.watch(fd, [this, id] { read(id); });
  loop_.cancel(linger_timer_);
}

void Pool::read(ConnectionId id) {
  auto found = connections_.find(id);
  if (found == connections_.end()) return;
  auto more = found->second.channel->read_available();
  while (true) {
    auto message = found->second.channel->next();
    if (!message.ok()) {
      refuse(id, message.error());
      return drop_connection(id);
    }
    if (!message->has_value()) break;
    handle(id, **message);
    found = connections_.find(id);
    if (found == connections_.end()) return;
  }
  if (!more.ok() || !*more) drop_connection(id);
}

void Pool::handle(ConnectionId id, const json::value& message) {
  const auto* object = message.if_object();
  const auto* op_value = object ? object->if_contains("op") : nullptr;
  std::string_view op = op_value && op_value->is_string() ? std::string_view(op_value->get_string()) : "";
  if (op == "lease") return ask_lease(id, message);
  if (op == "release") return leave(id);
  if (op == "stop") return answer_stop(id, message);
  if (op == "list") {
    json::array workers;
    for (const auto& worker : list())
      workers.push_back(to_json(worker));
    return send(id, json::object{{"op", "workers"}, {"pid", ::getpid()}, {"workers", std::move(workers)}});
  }
  refuse(id,
         Error{.code = ErrorCode::unsupported, .message = fmt::format("the JVM pool knows no operation \"{}\"", op)});
}

void Pool::ask_lease(ConnectionId id, const json::value& message) {
  Connection& connection = connections_.at(id);
  if (connection.request) {
    return refuse(id, Error{.code = ErrorCode::conflict, .message = "this connection has asked for a lease before"});
  }
  // Tells a client that came while the last pool was ending from one that has to wait.
  send(id, json::object{{"op", "queued"}});
  auto request = lease_request_from_json(message);
  if (!request) return refuse(id, request.error());
  auto launch = world_.inspect(*request);
  if (!launch) return refuse(id, launch.error());
  connection.fingerprint = lease_fingerprint(*request);
  connection.request = *std::move(request);
  connection.launch = *std::move(launch);
  connection.waiting = RequestId{++last_id_};
  connection.arrived = now();
  waiting_.push_back(*connection.waiting);
  plan();
}

void Pool::answer_stop(ConnectionId id, const json::value& message) {
  const auto* force = message.get_object().if_contains("force");
  std::int64_t busy = std::ranges::count_if(entries_, [](const auto& item) {
    return item.second->facts.state == JvmState::leased || item.second->facts.state == JvmState::starting;
  });
  auto all = static_cast<std::int64_t>(entries_.size());
  bool forced = force && force->is_bool() && force->get_bool();
  stop_jvms(forced);
  send(id, json::object{{"op", "stopped"}, {"ended", forced ? all : all - busy}, {"busy", forced ? 0 : busy}});
}

void Pool::stop_jvms(bool force) {
  training_.request_stop();
  for (auto& [id, entry] : entries_) {
    entry->facts.retire = true;
    if (!force || entry->facts.state == JvmState::ending) continue;
    entry->jvm->interrupt();
    end(*entry, "stopped by request");
  }
  plan();
}

// The client is done with its lease, or gone.
void Pool::leave(ConnectionId id) {
  Connection& connection = connections_.at(id);
  if (auto request = std::exchange(connection.waiting, std::nullopt)) std::erase(waiting_, *request);
  Entry* entry = connection.jvm ? find(*connection.jvm) : nullptr;
  if (entry == nullptr || entry->holder != id) return;
  if (entry->facts.state == JvmState::leased && entry->opened) {
    close(*entry);
  } else if (entry->facts.state != JvmState::cleaning) {
    release_holder(*entry);  // what is under way sees that nobody waits for it
  }
}

void Pool::drop_connection(ConnectionId id) {
  leave(id);
  auto found = connections_.find(id);
  if (found == connections_.end()) return;
  if (found->second.jvm) {
    if (Entry* entry = find(*found->second.jvm); entry && entry->holder == id) entry->holder.reset();
  }
  loop_.forget(found->second.channel->fd());
  connections_.erase(found);
  plan();
}

void Pool::send(ConnectionId id, const json::value& message) {
  auto found = connections_.find(id);
  // A client that does not read misses messages; its lease ends when it closes.
  if (found != connections_.end()) (void)found->second.channel->send_now(message);
}

void Pool::refuse(ConnectionId id, Error error) {
  send(id, to_json(LeaseEvent(Refused{std::move(error)})));
}

Pool::Entry* Pool::find(JvmId id) {
  auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second.get();
}

std::optional<Pool::ConnectionId> Pool::connection_of(RequestId id) const {
  for (const auto& [connection, state] : connections_) {
    if (state.waiting == id) return connection;
  }
  return std::nullopt;
}

void Pool::plan() {
  std::vector<JvmFacts> jvms;
  for (const auto& [id, entry] : entries_)
    jvms.push_back(entry->facts);
  std::vector<RequestFacts> requests;
  for (auto id : waiting_) {
    auto connection = connection_of(id);
    if (!connection) continue;
    const Connection& state = connections_.at(*connection);
    requests.push_back({id, state.fingerprint, state.request->working_directory.string(), state.launch->memory_bytes,
                        state.request->single_use, state.arrived});
  }
  PoolPlan plan = plan_pool(now(), settings_.limits, jvms, requests);
  for (auto id : plan.end)
    end(*find(id), "idle too long, worn, or in the way");
  for (auto [request, jvm] : plan.assign) {
    auto connection = connection_of(request);
    std::erase(waiting_, request);
    connections_.at(*connection).waiting.reset();
    connections_.at(*connection).jvm = jvm;
    Entry& entry = *find(jvm);
    entry.holder = connection;
    open(entry);
  }
  for (auto request : plan.start) {
    auto connection = connection_of(request);
    std::erase(waiting_, request);
    connections_.at(*connection).waiting.reset();
    start_jvm(*connection);
  }
  loop_.cancel(wake_timer_);
  wake_timer_ = plan.wake.is_never() ? runtime::TimerId::none : loop_.at(plan.wake.time(), [this] { this->plan(); });
  arm_linger();
}

void Pool::start_jvm(ConnectionId connection_id) {
  Connection& connection = connections_.at(connection_id);
  auto jvm = world_.make_jvm(*connection.request);
  if (!jvm) return refuse(connection_id, jvm.error());
  JvmId id{++last_id_};
  auto entry = std::make_unique<Entry>();
  entry->facts = {.id = id,
                  .fingerprint = connection.fingerprint,
                  .working_directory = connection.request->working_directory.string(),
                  .state = JvmState::starting,
                  .memory_bytes = connection.launch->memory_bytes,
                  .retire = connection.request->single_use};
  entry->request = *connection.request;
  entry->launch = *connection.launch;
  entry->jvm = *std::move(jvm);
  entry->driver = std::make_unique<Driver>();
  entry->holder = connection_id;
  entry->started = now();
  connection.jvm = id;
  entry->driver->run([this, id, jvm_object = entry->jvm] {
    auto result = jvm_object->start();
    loop_.post([this, id, result] { started(id, result); });
  });
  entries_.emplace(id, std::move(entry));
}

void Pool::started(JvmId id, Result<void> result) {
  Entry* entry = find(id);
  if (entry == nullptr || entry->facts.state == JvmState::ending) return;
  if (!result) {
    world_.log("start failed: " + result.error().describe());
    if (entry->holder) refuse(*entry->holder, result.error());
    release_holder(*entry);
    return end(*entry, "it did not start");
  }
  entry->pid = entry->jvm->pid();
  entry->watched_fd = entry->jvm->exit_fd();
  loop_.watch(entry->watched_fd, [this, id] { died(id); });
  world_.log(fmt::format("started {} for {}", entry->pid, entry->request.project.string()));
  if (entry->launch.archive && !entry->launch.archive_exists) to_train_ = entry->request;
  if (entry->holder) return open(*entry);
  entry->facts.state = JvmState::idle;
  entry->facts.idle_since = now();
  plan();
}

void Pool::open(Entry& entry) {
  const LeaseRequest& request = *connections_.at(*entry.holder).request;
  entry.facts.state = JvmState::leased;
  entry.opened = false;
  entry.app_name = request.app_name;
  entry.lease_id = fmt::format("{}-{}", entry.pid, entry.facts.leases + 1);
  auto python_path = request.environment.find("PYTHONPATH");
  LeaseSettings settings{.lease_id = entry.lease_id,
                         .app_name = request.app_name,
                         .working_directory = request.working_directory,
                         .python_path = python_path == request.environment.end() ? "" : python_path->second,
                         .defaults = request.defaults};
  entry.driver->run([this, id = entry.facts.id, jvm = entry.jvm, settings, log = request.log] {
    auto result = jvm->open_lease(settings, log);
    loop_.post([this, id, result] { opened(id, result); });
  });
}

void Pool::opened(JvmId id, Result<py4j::GatewayAddress> result) {
  Entry* entry = find(id);
  if (entry == nullptr || entry->facts.state != JvmState::leased) return;
  if (!result) {
    world_.log(fmt::format("lease on {} failed: {}", entry->pid, result.error().describe()));
    // A worn JVM must not fail a step that a new one would serve.
    if (entry->holder && entry->facts.leases > 0) {
      Connection& connection = connections_.at(*entry->holder);
      connection.waiting = RequestId{++last_id_};
      waiting_.push_front(*connection.waiting);
    } else if (entry->holder) {
      refuse(*entry->holder, result.error());
    }
    release_holder(*entry);
    end(*entry, "a lease could not be opened");
    return plan();
  }
  entry->opened = true;
  if (!entry->holder) return close(*entry);
  send(*entry->holder,
       to_json(LeaseEvent(Leased{
           .gateway = *result, .jvm_pid = entry->pid, .warm = entry->facts.leases > 0, .lease_id = entry->lease_id})));
  if (connections_.at(*entry->holder).request->progress) arm_progress(*entry);
}

void Pool::arm_progress(Entry& entry) {
  entry.progress_timer = loop_.after(settings_.progress_interval, [this, id = entry.facts.id] {
    Entry* current = find(id);
    if (current == nullptr || current->facts.state != JvmState::leased || current->polling) return;
    current->polling = true;
    current->driver->run([this, id, jvm = current->jvm] {
      auto result = jvm->progress();
      loop_.post([this, id, result] { progressed(id, result); });
    });
  });
}

void Pool::progressed(JvmId id, Result<std::vector<StageProgress>> result) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  entry->polling = false;
  if (entry->facts.state != JvmState::leased || !entry->holder) return;
  if (!result) {
    // Perhaps the JVM is busy collecting garbage. The step goes on; the end of the lease will tell.
    world_.log(fmt::format("progress of {}: {}", entry->pid, result.error().describe()));
    return;
  }
  if (*result != entry->last_progress) send(*entry->holder, to_json(LeaseEvent(Progress{*result})));
  entry->last_progress = *std::move(result);
  arm_progress(*entry);
}

void Pool::close(Entry& entry) {
  entry.facts.state = JvmState::cleaning;
  entry.opened = false;
  entry.last_progress.clear();
  loop_.cancel(entry.progress_timer);
  entry.driver->run([this, id = entry.facts.id, jvm = entry.jvm] {
    auto result = jvm->close_lease();
    loop_.post([this, id, result] { closed(id, result); });
    if (result.doubt) return;
    auto put_back = jvm->restore();
    loop_.post([this, id, put_back] { restored(id, put_back); });
  });
}

void Pool::closed(JvmId id, Jvm::Closed result) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  ++entry->facts.leases;
  if (entry->holder) send(*entry->holder, to_json(LeaseEvent(result.account)));
  release_holder(*entry);
  if (!result.doubt || entry->facts.state == JvmState::ending) return;
  world_.log(fmt::format("{} in doubt after a lease: {}", entry->pid, result.doubt->describe()));
  end(*entry, result.doubt->describe());
}

void Pool::restored(JvmId id, Result<void> result) {
  Entry* entry = find(id);
  if (entry == nullptr || entry->facts.state != JvmState::cleaning) return;
  if (!result) {
    world_.log(fmt::format("{} in doubt after a lease: {}", entry->pid, result.error().describe()));
    return end(*entry, result.error().describe());
  }
  entry->facts.state = JvmState::idle;
  entry->facts.idle_since = now();
  plan();
  train();
}

// Its process has ended by itself.
void Pool::died(JvmId id) {
  Entry* entry = find(id);
  if (entry == nullptr || entry->facts.state == JvmState::ending) return;
  world_.log(fmt::format("{} ended by itself while {}", entry->pid, jvm_state_name(entry->facts.state)));
  end(*entry, "");
}

void Pool::end(Entry& entry, std::string reason) {
  if (entry.facts.state == JvmState::ending) return;
  if (entry.watched_fd >= 0) loop_.forget(std::exchange(entry.watched_fd, -1));
  loop_.cancel(entry.progress_timer);
  entry.facts.state = JvmState::ending;
  entry.end_reason = std::move(reason);
  entry.driver->run([this, id = entry.facts.id, jvm = entry.jvm] {
    auto exited = jvm->end();
    loop_.post([this, id, exited] { ended(id, exited); });
  });
}

void Pool::ended(JvmId id, JvmExited exited) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  if (!entry->end_reason.empty()) exited.reason = entry->end_reason;
  world_.log(fmt::format("ended {}: {} ({})", entry->pid, exited.status, exited.reason));
  if (entry->holder) send(*entry->holder, to_json(LeaseEvent(exited)));
  release_holder(*entry);
  entries_.erase(id);
  plan();
}

void Pool::release_holder(Entry& entry) {
  auto holder = std::exchange(entry.holder, std::nullopt);
  if (!holder) return;
  auto found = connections_.find(*holder);
  if (found != connections_.end()) found->second.jvm.reset();
}

// Only when nobody waits for a processor.
void Pool::train() {
  bool busy = !waiting_.empty() || std::ranges::any_of(entries_, [](const auto& item) {
    return item.second->facts.state != JvmState::idle && item.second->facts.state != JvmState::ending;
  });
  if (!to_train_ || training_runs_ || busy || !world_.make_archive) return;
  LeaseRequest request = *std::exchange(to_train_, std::nullopt);
  auto launch = world_.inspect(request);
  if (!launch || !launch->archive || launch->archive_exists || !trained_.insert(*launch->archive).second) return;
  training_runs_ = true;
  training_ = std::jthread([this, request, make = world_.make_archive](const runtime::StopToken& stop) {
    auto result = make(request, stop);
    loop_.post([this, result] {
      training_runs_ = false;
      world_.log(result.ok() ? "made a class-data archive" : "no class-data archive: " + result.error().describe());
      arm_linger();
    });
  });
}

void Pool::arm_linger() {
  loop_.cancel(linger_timer_);
  linger_timer_ = runtime::TimerId::none;
  if (!entries_.empty() || !connections_.empty() || training_runs_) return;
  linger_timer_ = loop_.after(settings_.linger, [this] { on_empty_(); });
}

std::vector<WorkerInfo> Pool::list() const {
  std::vector<WorkerInfo> workers;
  for (const auto& [id, entry] : entries_) {
    WorkerInfo worker;
    worker.pid = entry->pid;
    worker.state = jvm_state_name(entry->facts.state);
    worker.project = entry->request.project;
    worker.spark_version = entry->launch.spark.version;
    worker.java_version = entry->launch.java.version;
    worker.profile = entry->request.settings.heavy ? "heavy" : "light";
    worker.driver_memory = entry->request.settings.driver_memory.empty() ? "1g" : entry->request.settings.driver_memory;
    worker.leases = entry->facts.leases;
    auto since = [&](SteadyTime then) { return std::chrono::duration_cast<std::chrono::milliseconds>(now() - then); };
    worker.age = since(entry->started);
    if (entry->facts.state == JvmState::idle) worker.idle = since(entry->facts.idle_since);
    if (entry->holder) worker.app_name = entry->app_name;
    if (auto usage = entry->pid > 0 ? runtime::process_usage(entry->pid) : std::nullopt) {
      worker.cpu = usage->cpu;
      worker.rss_bytes = usage->resident_bytes;
    }
    workers.push_back(std::move(worker));
  }
  return workers;
}

}  // namespace stoker::workers
