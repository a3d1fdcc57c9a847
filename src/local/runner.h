// LocalRunner: executes attempts as processes of this machine.
//
// One thread of its own runs an event loop, on which every attempt lives; start() and cancel() only post to it. Helper
// threads do what blocks: copying outputs, scanning logs, leasing JVMs. All engine::AttemptEvents come from the loop's
// thread.
#pragma once

#include <memory>

#include "engine/runner.h"
#include "local/options.h"

namespace stoker::local {

class LocalRunner final : public engine::Runner {
 public:
  explicit LocalRunner(LocalRunnerOptions options);
  ~LocalRunner() override;

  std::string name() const override { return "local runner"; }
  Result<void> supports(const pipeline::Step& step) const override;
  int slots() const override;
  Result<void> end_lost(std::span<const engine::LostAttempt> attempts) override;
  void start(engine::AttemptSpec spec, engine::AttemptEvents& events) override;
  void cancel(const engine::AttemptId& id, std::chrono::milliseconds grace) override;
  void stop() override;

 private:
  class Loop;
  LocalRunnerOptions options_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace stoker::local
