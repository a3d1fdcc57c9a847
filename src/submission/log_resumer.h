// Turns the log of a container, read with timestamps in several goes, into each line once. Pure.
//
// Kubernetes gives a log from a second on; what was handed on of that second is recognised by its timestamps, which
// need not be in order: standard output and error have clocks of their own, and clocks are set back.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace stoker::submission {

class LogResumer {
 public:
  using Line = std::function<void(std::string_view line)>;  // with its newline, without its timestamp

  // Longer lines are handed on in pieces.
  static constexpr std::size_t kMaximumLineBytes = 1 << 20;

  // So many of the last lines are known by their timestamps, and all of the last second up to the second number: beyond
  // that, lines of one second come twice after a reconnect.
  static constexpr std::size_t kRememberedLines = 1 << 15;
  static constexpr std::size_t kRememberedOfOneSecond = 1 << 20;

  // `from_tail`: the first reading begins at one of the last lines, and what was before it is not wanted.
  explicit LogResumer(bool from_tail = false) : from_tail_(from_tail) {}

  void feed(std::string_view piece, const Line& on_line);
  // The connection has ended: a line that had begun comes whole when the log is read again. Of one longer than
  // kMaximumLineBytes what was handed on stays, and the rest is lost.
  void disconnected();
  // Nothing more will come.
  void flush(const Line& on_line);
  // Where to go on, to the second and in the node's zone: "2026-01-01T00:00:00+02:00"; "" is from the beginning.
  std::string since_time() const;

 private:
  void take(std::string_view line, const Line& on_line);

  std::string begun_;                   // of a line, timestamp and all
  std::string second_;                  // of the last line that was handed on
  std::string first_second_;            // of the first one
  std::deque<std::size_t> last_times_;  // hashes, of the last lines that were handed on, in their order
  std::size_t of_second_ = 0;           // how many of them, at the end, are of `second_`
  std::unordered_map<std::size_t, std::size_t> to_skip_;  // how many lines of each time are still to come again
  const bool from_tail_;
  bool before_window_ = false;  // what comes was before the first line that was wanted
  bool is_inside_ = false;      // what comes next belongs to a line whose beginning was taken
  bool is_wanted_ = true;       // and that was handed on
};

}  // namespace stoker::submission
