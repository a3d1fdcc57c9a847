// WorkerStream: the messages of one attempt's process (api/step-protocol.md, section 3), read on the loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "engine/runner.h"
#include "runtime/channel.h"
#include "runtime/event_loop.h"

namespace stoker::local {

// Messages of a worker are at most this long, and at most this many a second are passed on.
inline constexpr std::size_t kMessageLimit = 64 * 1024;
inline constexpr int kMessagesPerSecond = 20;
inline constexpr int kMessageBurst = 40;

class WorkerStream {
 public:
  // `fault` is called at most once, with a sentence for people; the stream is closed then and the attempt goes on.
  WorkerStream(runtime::Fd socket, engine::AttemptId id, engine::AttemptEvents& events, runtime::EventLoop& loop,
               std::function<void(std::string)> fault);
  ~WorkerStream();
  WorkerStream(const WorkerStream&) = delete;
  WorkerStream& operator=(const WorkerStream&) = delete;

  // Takes what is still there, when the process has ended.
  void drain();

 private:
  // Bytes taken in one round, so that a flood does not starve the others.
  static constexpr std::size_t kRoundBytes = 256 * 1024;
  static constexpr std::size_t kDrainBytes = 1024 * 1024;

  void read(std::size_t most);
  void handle(const json::value& message);
  void close();
  void break_off(std::string reason);
  bool allowed();

  runtime::Channel channel_;
  bool open_ = true;
  engine::AttemptId id_;
  engine::AttemptEvents& events_;
  runtime::EventLoop& loop_;
  std::function<void(std::string)> fault_;
  // A token bucket: what is over the rate is dropped, not queued; progress is only worth its newest value.
  double tokens_ = kMessageBurst;
  SteadyTime filled_;
};

}  // namespace stoker::local
