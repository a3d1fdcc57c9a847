// Logs of containers: what a node keeps. Not thread-safe.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fakes/api/route.h"

namespace stoker::fakes {

struct LogKey {
  std::string pod_uid;  // "" when no node has the pod
  std::string container;
  auto operator<=>(const LogKey&) const = default;
};

struct Log {
  struct Piece {
    WallTime time;
    std::string text;
  };
  std::vector<Piece> pieces;
  bool ended = false;
};

class Logs {
 public:
  // Makes it when it is not there.
  Log& of(const LogKey& key) { return logs_[key]; }
  const Log* find(const LogKey& key) const {
    const auto found = logs_.find(key);
    return found == logs_.end() ? nullptr : &found->second;
  }
  // Whoever follows one of them sees its end.
  void end_all(const std::string& pod_uid);

 private:
  std::map<LogKey, Log> logs_;
};

// What `tailLines`, `sinceTime`, `sinceSeconds` and `timestamps` of a call make of the pieces from `first` on;
// tailLines counts only from the beginning.
std::string shown(const Log& log, std::size_t first, const Route& route, WallTime now);
// Throws a Refusal (422) for options that cannot be.
void check_log_options(const Route& route);

}  // namespace stoker::fakes
