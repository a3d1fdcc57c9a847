// What the attempts of one local runner share: its thread's loop, helpers for blocking work, and its settings.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "local/options.h"
#include "runtime/bounded_queue.h"
#include "runtime/event_loop.h"
#include "runtime/file_watcher.h"

namespace stoker::local {

// Threads for what blocks (copying outputs, scanning logs, leasing a JVM). stop() runs what is queued and joins.
class LocalWorkers {
 public:
  explicit LocalWorkers(int threads);
  ~LocalWorkers() { stop(); }

  // From the loop's thread. The queue is as long as the attempts that are started, which the run loop bounds.
  void submit(std::function<void()> work);
  void stop();

 private:
  static constexpr std::size_t kQueueLimit = 100'000;
  runtime::BoundedQueue<std::function<void()>> queue_{kQueueLimit};
  std::vector<std::thread> threads_;
};

struct LocalServices {
  const LocalRunnerOptions& options;
  const Clock& clock;
  runtime::EventLoop& loop;
  runtime::FileWatcher& watcher;
  LocalWorkers& workers;
  // For Spark leases alone: they wait for a JVM for seconds, which must not hold up the outputs of others.
  LocalWorkers& lease_workers;
  // Never behind those who wait for a JVM: they wait for what is given back here.
  LocalWorkers& release_workers;
  // Stopped when the runner ends.
  runtime::StopToken stop;
};

}  // namespace stoker::local
