// The events in the body of a watch. Pure: bytes in, events out.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/client.h"

namespace stoker::kube {

class WatchDecoder {
 public:
  explicit WatchDecoder(std::size_t maximum_event_bytes) : maximum_event_bytes_(maximum_event_bytes) {}

  // Hands on each event that `piece` completes; its error, or one of ours, is returned and nothing more is handed on.
  // Errors: what an ERROR event says (expired for 410); corrupt for what is no event; limit_exceeded.
  Result<void> feed(std::string_view piece, const std::function<Result<void>(WatchEvent)>& on_event);

 private:
  std::string line_;  // that has begun
  std::size_t maximum_event_bytes_;
};

}  // namespace stoker::kube
