// RunSocket: the Unix socket of a running run (<store>/runs/<run>/engine.sock, mode 0600): other terminals follow and
// cancel through it.
//
// Frames as in runtime/channel.h. A client sends {"op":"cancel","at_once":bool} or {"op":"follow"}; the answer is
// {"ok":true,"seq":n} or
// {"ok":false,"error":…}. To a follower every line of the run follows as {"event":{…}}: n is the last event written
// before, so a client that follows first and then reads the store up to n misses nothing. Who does not read fast enough
// is disconnected and may come again.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "engine/run_observer.h"
#include "runtime/channel.h"
#include "runtime/event_loop.h"

namespace stoker::engine {

inline constexpr const char* kRunSocketName = "engine.sock";
inline constexpr std::size_t kMaximumClients = 64;
inline constexpr std::size_t kMaximumRunMessage = 16 * 1024 * 1024;

// Lives on the loop's thread.
class RunSocket final : public RunObserver {
 public:
  static Result<std::unique_ptr<RunSocket>> open(const runtime::Path& path, runtime::EventLoop& loop,
                                                 std::function<void(bool at_once)> cancel);
  ~RunSocket() override;

  void on_event(const json::object& line) override;
  std::size_t clients() const { return clients_.size(); }

 private:
  struct Client {
    std::unique_ptr<runtime::Channel> channel;
    bool follows = false;
  };

  RunSocket(runtime::UnixListener listener, runtime::EventLoop& loop, std::function<void(bool)> cancel)
      : listener_(std::move(listener)), loop_(loop), cancel_(std::move(cancel)) {}
  void accept();
  void read(int fd);
  bool answer(Client& client, const json::value& message);
  void drop(int fd);

  runtime::UnixListener listener_;
  runtime::EventLoop& loop_;
  std::function<void(bool)> cancel_;
  std::map<int, Client> clients_;
  std::int64_t sequence_ = 0;
};

}  // namespace stoker::engine
