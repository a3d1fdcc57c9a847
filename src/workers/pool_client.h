// PoolClient: leases a JVM from the pool of this user, and starts the pool when there is none.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "runtime/channel.h"
#include "runtime/context.h"
#include "workers/lease.h"
#include "workers/pool_daemon.h"

namespace stoker::workers {

// A JVM leased to us. Ends with the object, with release(), and with our process, however that ends.
class PoolLease {
 public:
  using OnProgress = std::function<void(std::vector<StageProgress>)>;

  // `first` is what the pool granted. Progress is reported from a thread of this object, until release() returns.
  PoolLease(std::unique_ptr<runtime::Channel> channel, Leased first, OnProgress on_progress, const Clock& clock);
  ~PoolLease();
  PoolLease(const PoolLease&) = delete;
  PoolLease& operator=(const PoolLease&) = delete;

  const Leased& leased() const { return leased_; }
  // What the attempt's process needs: PYSPARK_GATEWAY_PORT, PYSPARK_GATEWAY_SECRET, STOKER_LEASE.
  runtime::Environment environment() const;

  // Waits until the context is stopped and the JVM accounted for (well under a second). None when the JVM or the pool
  // is gone. Idempotent.
  std::optional<Released> release();
  // Set when the JVM ended under the lease.
  std::optional<JvmExited> jvm_exit() const;

 private:
  void listen(const runtime::StopToken& stop);

  std::unique_ptr<runtime::Channel> channel_;
  Leased leased_;
  OnProgress on_progress_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false;     // guarded by mutex_, like the rest
  bool finished_ = false;  // no more messages come
  std::optional<Released> released_;
  std::optional<JvmExited> exited_;
  std::jthread listener_;
};

struct StopReport {
  std::int64_t ended = 0;
  std::int64_t busy = 0;  // end after their lease
};

// Thread-safe: every call has a connection of its own.
class PoolClient {
 public:
  // `serve` starts the daemon in the background and ends when it can be connected to: {"/usr/bin/stoker", "workers",
  // "serve"}.
  PoolClient(PoolPaths paths, std::vector<std::string> serve, const Clock& clock)
      : paths_(std::move(paths)), serve_(std::move(serve)), clock_(clock) {}

  // Blocks until a JVM is leased; it may have to start, or others may have to finish first.
  Result<std::unique_ptr<PoolLease>> lease(const LeaseRequest& request, const runtime::Context& context,
                                           PoolLease::OnProgress on_progress = {});
  // Empty when no pool runs. Neither starts one.
  Result<std::vector<WorkerInfo>> list(const runtime::Context& context);
  Result<StopReport> stop(bool force, const runtime::Context& context);

 private:
  Result<std::unique_ptr<runtime::Channel>> connect(const runtime::Context& context);
  Result<void> start_daemon(const runtime::Context& context);
  Result<json::value> ask(const json::value& question, const runtime::Context& context);

  PoolPaths paths_;
  std::vector<std::string> serve_;
  const Clock& clock_;
};

}  // namespace stoker::workers
