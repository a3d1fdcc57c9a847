// LocalRunner: executes attempts as processes of this machine.
//
// One thread of its own runs an event loop, on which every attempt lives; start() and cancel() only post to it. Helper
// threads do what blocks: copying outputs, scanning logs, leasing JVMs. All AttemptEvents come from the loop's thread.
#pragma once

#include <memory>

#include "engine/local_options.h"
#include "engine/runner.h"

namespace stoker::engine {

class LocalRunner final : public Runner {
 public:
  explicit LocalRunner(LocalRunnerOptions options);
  ~LocalRunner() override;

  std::string name() const override { return "local runner"; }
  Result<void> supports(const pipeline::Step& step) const override;
  int slots() const override;
  Result<void> end_lost(std::span<const LostAttempt> attempts) override;
  void start(AttemptSpec spec, AttemptEvents& events) override;
  void cancel(const AttemptId& id, std::chrono::milliseconds grace) override;
  void stop() override;

 private:
  class Loop;
  LocalRunnerOptions options_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace stoker::engine
