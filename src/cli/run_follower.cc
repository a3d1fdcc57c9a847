#include "cli/run_follower.h"

#include <algorithm>

#include "engine/run_socket.h"
#include "metadata/run_lock.h"

namespace stoker::cli {

namespace {

// Between an engine's socket and its lock, at its start and its end, there is a moment; nothing tells of its end.
constexpr std::chrono::milliseconds kRetryInterval{200};

std::int64_t sequence_of(const json::object& event) {
  const auto* sequence = event.if_contains("seq");
  return sequence != nullptr && sequence->is_int64() ? sequence->get_int64() : 0;
}

}  // namespace

RunFollower::~RunFollower() {
  loop_.cancel(retry_);
  disconnect();
}

void RunFollower::disconnect() {
  if (channel_ == nullptr) return;
  loop_.forget(channel_->fd());
  channel_.reset();
}

void RunFollower::end(Result<void> how) {
  disconnect();
  if (!how) failed_ = std::move(how).error();
  ended_ = true;
}

void RunFollower::connect() {
  auto socket = runtime::connect_unix(metadata::run_folder(store_.folder(), run_) / engine::kRunSocketName);
  if (!socket) return look_at_owner();
  channel_ = std::make_unique<runtime::Channel>(std::move(*socket), engine::kMaximumRunMessage);
  loop_.watch(channel_->fd(), [this] { read(); });
  // The answer makes it catch up: by then every later event comes here too.
  if (!channel_->send_now(json::object{{"op", "follow"}})) {
    disconnect();
    look_at_owner();
  }
}

void RunFollower::look_at_owner() {
  // Asked before the look, so that what was written last is seen.
  const auto owned = metadata::is_owned(store_.folder(), run_);
  if (!owned) return end(owned.error());
  if (auto read = catch_up(); !read || !*owned) return end(std::move(read));
  retry_ = loop_.after(kRetryInterval, [this] { connect(); });
}

void RunFollower::read() {
  const auto open = channel_->read_available();
  while (true) {
    auto message = channel_->next();
    if (!message || !*message) break;
    const auto* object = (**message).if_object();
    const auto* event = object != nullptr ? object->if_contains("event") : nullptr;
    if (event == nullptr) {
      if (auto read = catch_up(); !read) return end(std::move(read));
    } else if (const auto* line = event->if_object()) {
      const auto sequence = sequence_of(*line);
      if (sequence != 0 && sequence <= delivered_) continue;
      if (sequence > delivered_ + 1) {
        if (auto read = catch_up(); !read) return end(std::move(read));
        continue;
      }
      if (sequence != 0) delivered_ = sequence;
      on_event_(*line, std::chrono::milliseconds(0));
    }
  }
  if (open && *open && !channel_->broken()) return;
  disconnect();
  connect();
}

Result<void> RunFollower::catch_up() {
  while (true) {
    TRY_ASSIGN(const auto events, store_.events(run_, delivered_ + 1));
    if (events.empty()) return {};
    for (const auto& event : events) {
      delivered_ = event.seq;
      const auto age = std::max(loop_.clock().wall_now() - event.time, std::chrono::milliseconds(0));
      if (const auto* line = event.payload.if_object()) on_event_(*line, age);
    }
  }
}

}  // namespace stoker::cli
