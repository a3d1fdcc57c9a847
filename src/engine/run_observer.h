// RunObserver: who wants to see a run while it goes on: the CLI's tree, --json, a follower on the run's socket.
#pragma once

#include "codec/json.h"

namespace stoker::engine {

class RunObserver {
 public:
  virtual ~RunObserver() = default;
  // One line as --json prints it (api/run-events.md): stored events, in order and already written, and between them
  // those that are only live (progress, metric, log, attempt.started), which have no `seq`. Called on the run loop's
  // thread; must not block.
  virtual void on_event(const json::object& line) = 0;
};

}  // namespace stoker::engine
