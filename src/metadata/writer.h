// Writer: the one thread of a process that writes its database. What waits is joined into one transaction (group
// commit), each job in a savepoint of its own, so that one refused job takes nothing from the others.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/result.h"
#include "metadata/rows.h"
#include "metadata/sqlite.h"

namespace stoker::metadata {

class Writer {
 public:
  using Body = std::function<Result<void>(Database&)>;
  using Done = std::function<void(Result<void>)>;

  Writer(std::filesystem::path file, std::chrono::milliseconds busy_timeout, int schema_version);
  // Writes all that was handed in.
  ~Writer();

  void submit(Body body, Durability durability, Done done);
  Result<void> write(Body body, Durability durability = Durability::process_kill);

 private:
  struct Job {
    Body body;
    Durability durability;
    Done done;
  };
  void run();
  void write_group(std::deque<Job> group);
  Result<void> begin(Durability durability);
  Result<void> run_job(Job& job);
  Result<void> connect();

  const std::filesystem::path file_;
  const std::chrono::milliseconds busy_timeout_;
  const int schema_version_;

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable room_;
  std::deque<Job> queue_;
  bool stopping_ = false;

  // The thread's alone.
  std::optional<Database> database_;
  std::optional<Durability> synchronous_;
  std::once_flag start_;
  std::thread thread_;
};

}  // namespace stoker::metadata
