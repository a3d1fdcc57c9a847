// ProcessAttempt: an attempt that is a process in a session of its own: folders, logs, messages, signals, accounts.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "local/attempt.h"
#include "local/failure.h"
#include "local/stream.h"
#include "runtime/process/process.h"

namespace stoker::local {

// The files of one attempt's folder.
struct AttemptFiles {
  std::filesystem::path invocation;       // invocation.json, written before the start
  std::filesystem::path result;           // result.json of a worker
  std::filesystem::path result_lines;     // $STOKER_RESULT
  std::filesystem::path standard_output;  // stdout.log
  std::filesystem::path standard_error;   // stderr.log
  std::filesystem::path spark_log;        // spark.log
  std::filesystem::path scratch;          // scratch/
  std::filesystem::path process;          // process.json: who runs it, for recovery

  explicit AttemptFiles(const std::filesystem::path& folder);
};

// To the group that `pid` leads, or to it alone when it does not lead one yet.
void kill_session(pid_t pid, int signal);

class ProcessAttempt : public LocalAttempt {
 public:
  ProcessAttempt(engine::AttemptSpec spec, engine::AttemptEvents& events, LocalServices& services, Done done);
  ~ProcessAttempt() override;

  void cancel(std::chrono::milliseconds grace) override;

 protected:
  // Builds the result from what the process left. Runs on a helper thread; must not touch the attempt.
  using Collector = std::function<engine::AttemptResult()>;
  virtual Collector collector(AttemptEnd end) = 0;
  // The process is gone and the result is there: what the attempt holds besides (a JVM) goes now, and may add to the
  // result. Calls `done` on the loop, later or at once.
  virtual void release(engine::AttemptResult result, const std::function<void(engine::AttemptResult)>& done) {
    done(std::move(result));
  }
  // The keys of the invocation that only this kind has.
  virtual json::object invocation_part() const = 0;

  // Makes the folders, the logs and the socket and writes the invocation.
  Result<void> prepare();
  // What the attempt's environment has beyond the inherited one.
  Result<runtime::Environment> own_environment() const;
  Result<runtime::Environment> full_environment() const;
  // Starts the process; its end calls exited().
  Result<void> start(runtime::ProcessSpec process);
  // It runs (started by whomever).
  void running(pid_t pid);
  void exited(const runtime::ExitStatus& status);
  // Its result is there: it has the grace to exit.
  void expect_exit();
  // Known causes of the coming end.
  void set_cause(std::string cause, bool out_of_memory);

  const AttemptFiles& files() const { return files_; }
  bool is_running() const { return pid_ > 0 && !exited_; }
  bool cancelled() const { return cancelled_; }

  runtime::Fd output_;
  runtime::Fd error_;
  runtime::Fd protocol_;  // the process's end; closed when it runs

 private:
  Result<void> write_invocation() const;
  void record_process() const;
  void end_group(std::chrono::milliseconds grace);
  void reap();
  void kill_now();
  void end_lingering();
  void collected(engine::AttemptResult result);

  AttemptFiles files_;
  std::optional<runtime::Process> process_;  // when it is our own child
  std::unique_ptr<WorkerStream> stream_;
  pid_t pid_ = -1;
  bool exited_ = false;
  bool cancelled_ = false;
  bool lingered_ = false;
  std::string cause_;
  bool cause_out_of_memory_ = false;
  std::string stream_fault_;
  std::optional<std::uint64_t> memory_kills_before_;
  runtime::ExitStatus status_;
  runtime::TimerId kill_timer_ = runtime::TimerId::none;
  runtime::TimerId linger_timer_ = runtime::TimerId::none;
};

}  // namespace stoker::local
