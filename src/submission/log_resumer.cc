#include "submission/log_resumer.h"

#include <utility>

namespace stoker::submission {

void LogResumer::feed(std::string_view piece, const Line& on_line) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    if (end == std::string_view::npos) {
      begun_ += piece;
      if (begun_.size() > kMaximumLineBytes) take(std::exchange(begun_, {}), on_line);
      return;
    }
    begun_ += piece.substr(0, end + 1);
    piece.remove_prefix(end + 1);
    take(std::exchange(begun_, {}), on_line);
  }
}

void LogResumer::take(std::string_view line, const Line& on_line) {
  const std::size_t blank = line.find(' ');
  // A piece of a long line has no timestamp, nor has a line that kubelet itself says ("unable to retrieve …").
  if (blank == std::string_view::npos || line.substr(0, blank).find('T') == std::string_view::npos) {
    on_line(line);
    return;
  }
  const std::string_view time = line.substr(0, blank);
  // Times are written alike, so texts compare as times do.
  if (time < last_time_) return;
  if (time == last_time_) {
    if (to_skip_ > 0) {
      --to_skip_;
      return;
    }
    ++at_last_time_;
  } else {
    last_time_ = time;
    at_last_time_ = 1;
    to_skip_ = 0;
  }
  on_line(line.substr(blank + 1));
}

void LogResumer::disconnected() {
  begun_.clear();
  to_skip_ = at_last_time_;
}

void LogResumer::flush(const Line& on_line) {
  if (!begun_.empty()) take(std::exchange(begun_, {}), on_line);
}

std::string LogResumer::since_time() const {
  constexpr std::size_t kSecondsEnd = std::string_view("2026-01-01T00:00:00").size();
  return last_time_.size() < kSecondsEnd ? "" : last_time_.substr(0, kSecondsEnd) + "Z";
}

}  // namespace stoker::submission
