// Turns the log of a container, read with timestamps in several goes, into each line once. Pure.
//
// Kubernetes gives a log from a second on; what was handed on of that second is recognised by its timestamps, and lines
// of the same timestamp by their count.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace stoker::submission {

class LogResumer {
 public:
  using Line = std::function<void(std::string_view line)>;  // with its newline, without its timestamp

  // Longer lines are handed on in pieces.
  static constexpr std::size_t kMaximumLineBytes = 1 << 20;

  void feed(std::string_view piece, const Line& on_line);
  // The connection has ended: a line that had begun comes whole when the log is read again. Of one longer than
  // kMaximumLineBytes what was handed on stays, and the rest is lost.
  void disconnected();
  // Nothing more will come.
  void flush(const Line& on_line);
  // Where to go on, to the second: "2026-01-01T00:00:00Z"; "" is from the beginning.
  std::string since_time() const;

 private:
  void take(std::string_view line, const Line& on_line);

  std::string begun_;             // of a line, timestamp and all
  std::string last_time_;         // of the last line that was handed on
  std::size_t at_last_time_ = 0;  // how many lines of that time were
  std::size_t to_skip_ = 0;       // of those, how many are still to come again
  bool is_inside_ = false;        // what comes next belongs to a line whose beginning was taken
  bool is_wanted_ = true;         // and that was handed on
};

}  // namespace stoker::submission
