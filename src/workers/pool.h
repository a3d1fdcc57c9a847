// Pool: leases JVMs to connections. All of it runs on one event loop's thread; each JVM is driven by a thread of its
// own that reports back.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "runtime/bounded_queue.h"
#include "runtime/channel.h"
#include "runtime/event_loop.h"
#include "workers/jvm.h"
#include "workers/lease.h"
#include "workers/pool_plan.h"

namespace stoker::workers {

// How the pool reaches the world; tests give it another one. All but make_archive are called on the loop's thread.
struct PoolWorld {
  std::function<Result<JvmLaunch>(const LeaseRequest&)> inspect;
  std::function<Result<std::unique_ptr<Jvm>>(const LeaseRequest&)> make_jvm;
  // On a thread of its own; empty: archives are not made.
  std::function<Result<void>(const LeaseRequest&, const runtime::StopToken&)> make_archive;
  // One line about what happened to a JVM, for the daemon's log.
  std::function<void(const std::string&)> log;
};

struct PoolSettings {
  PoolLimits limits;
  std::chrono::milliseconds progress_interval{333};
  std::chrono::milliseconds linger{std::chrono::seconds(30)};  // without JVMs and connections
  std::size_t connections = 256;
};

class Pool {
 public:
  // Calls `on_empty` when it has been without JVMs and connections for the linger time.
  Pool(runtime::EventLoop& loop, PoolSettings settings, PoolWorld world, std::function<void()> on_empty);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void accept(runtime::Fd connection);
  // Idle JVMs end now, the others after their lease; with `force` all end now.
  void stop_jvms(bool force);
  std::vector<WorkerInfo> list() const;
  std::size_t jvm_count() const { return entries_.size(); }

 private:
  enum class ConnectionId : std::uint64_t {};

  struct Connection {
    std::unique_ptr<runtime::Channel> channel;
    std::optional<LeaseRequest> request;
    std::optional<JvmLaunch> launch;
    std::string fingerprint;
    std::optional<RequestId> waiting;
    SteadyTime arrived{};
    std::optional<JvmId> jvm;
  };

  // Runs tasks in order, one after another.
  class Driver {
   public:
    Driver();
    ~Driver();
    void run(std::function<void()> task);

   private:
    runtime::BoundedQueue<std::function<void()>> tasks_;
    std::jthread thread_;
  };

  struct Entry {
    JvmFacts facts;
    LeaseRequest request;  // that it was started for
    JvmLaunch launch;
    std::shared_ptr<Jvm> jvm;
    std::unique_ptr<Driver> driver;
    std::optional<ConnectionId> holder;
    std::string app_name;
    std::string lease_id;
    std::string end_reason;
    bool opened = false;   // the holder has its gateway
    bool polling = false;  // a progress call is under way
    int watched_fd = -1;
    pid_t pid = -1;
    runtime::TimerId progress_timer = runtime::TimerId::none;
    std::vector<StageProgress> last_progress;
    SteadyTime started{};
  };

  SteadyTime now() const { return loop_.clock().steady_now(); }
  void read(ConnectionId id);
  void handle(ConnectionId id, const json::value& message);
  void ask_lease(ConnectionId id, const json::value& message);
  void answer_stop(ConnectionId id, const json::value& message);
  void leave(ConnectionId id);
  void drop_connection(ConnectionId id);
  void send(ConnectionId id, const json::value& message);
  void refuse(ConnectionId id, Error error);

  void plan();
  void start_jvm(ConnectionId id);
  void started(JvmId id, Result<void> result);
  void open(Entry& entry);
  void opened(JvmId id, Result<py4j::GatewayAddress> result);
  void arm_progress(Entry& entry);
  void progressed(JvmId id, Result<std::vector<StageProgress>> result);
  void close(Entry& entry);
  void closed(JvmId id, Jvm::Closed result);
  void restored(JvmId id, Result<void> result);
  void died(JvmId id);
  void end(Entry& entry, std::string reason);
  void ended(JvmId id, JvmExited exited);
  void release_holder(Entry& entry);
  void train();
  void arm_linger();
  Entry* find(JvmId id);
  std::optional<ConnectionId> connection_of(RequestId id) const;

  runtime::EventLoop& loop_;
  PoolSettings settings_;
  PoolWorld world_;
  std::function<void()> on_empty_;
  std::map<ConnectionId, Connection> connections_;
  std::map<JvmId, std::unique_ptr<Entry>> entries_;
  std::deque<RequestId> waiting_;
  std::uint64_t last_id_ = 0;
  runtime::TimerId wake_timer_ = runtime::TimerId::none;
  runtime::TimerId linger_timer_ = runtime::TimerId::none;
  std::optional<LeaseRequest> to_train_;
  std::set<std::filesystem::path> trained_;  // tried, with whatever success
  std::jthread training_;
  bool training_runs_ = false;
};

}  // namespace stoker::workers
