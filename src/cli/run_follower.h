// RunFollower: every event of a run in order, from the first on: what is stored, then what its engine, in whichever
// process, tells on the run's socket. An engine that drops a slow reader, or ends, loses nothing: what is missing is
// read from the store. Live-only lines (progress) come as they happen and are not repeated.
#pragma once

#include <functional>
#include <memory>

#include "metadata/store.h"
#include "runtime/channel.h"
#include "runtime/event_loop.h"

namespace stoker::cli {

class RunFollower {
 public:
  // `age`: how long ago it happened.
  using OnEvent = std::function<void(const json::object& event, std::chrono::milliseconds age)>;

  // `store` and `loop` outlive the follower; it lives on the loop's thread.
  RunFollower(metadata::Store& store, RunId run, runtime::EventLoop& loop, OnEvent on_event)
      : store_(store), run_(std::move(run)), loop_(loop), on_event_(std::move(on_event)) {}
  ~RunFollower();

  // Delivers what is stored and follows from there; the rest comes while the loop runs.
  void start() { connect(); }
  // Nobody runs the run any more, and all of its events were delivered.
  bool ended() const { return ended_; }
  // What kept it from going on; set with ended().
  const std::optional<Error>& failed() const { return failed_; }

 private:
  void connect();
  void read();
  void disconnect();
  Result<void> catch_up();
  void look_at_owner();
  void end(Result<void> how);

  metadata::Store& store_;
  RunId run_;
  runtime::EventLoop& loop_;
  OnEvent on_event_;
  std::unique_ptr<runtime::Channel> channel_;
  std::int64_t delivered_ = 0;  // the last event's number
  bool ended_ = false;
  std::optional<Error> failed_;
  runtime::TimerId retry_ = runtime::TimerId::none;
};

}  // namespace stoker::cli
