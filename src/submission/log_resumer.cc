#include "submission/log_resumer.h"

#include <utility>

namespace stoker::submission {

void LogResumer::feed(std::string_view piece, const Line& on_line) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    begun_ += piece.substr(0, end == std::string_view::npos ? end : end + 1);
    if (end == std::string_view::npos && begun_.size() <= kMaximumLineBytes) return;
    const bool is_whole = end != std::string_view::npos;
    take(std::exchange(begun_, {}), on_line);
    is_inside_ = !is_whole;
    if (!is_whole) return;
    piece.remove_prefix(end + 1);
  }
}

void LogResumer::take(std::string_view line, const Line& on_line) {
  if (is_inside_) {  // the rest of a long line, which has no timestamp of its own, goes the way of its beginning
    if (is_wanted_) on_line(line);
    return;
  }
  is_wanted_ = true;
  const std::size_t blank = line.find(' ');
  // Lines that kubelet itself says have none either ("unable to retrieve …").
  if (blank == std::string_view::npos || line.substr(0, blank).find('T') == std::string_view::npos) {
    on_line(line);
    return;
  }
  const std::string_view time = line.substr(0, blank);
  // Times are written alike, so texts compare as times do.
  is_wanted_ = time > last_time_ || (time == last_time_ && to_skip_ == 0);
  if (time == last_time_ && to_skip_ > 0) --to_skip_;
  if (!is_wanted_) return;
  if (time != last_time_) {
    last_time_ = time;
    at_last_time_ = 0;
    to_skip_ = 0;
  }
  ++at_last_time_;
  on_line(line.substr(blank + 1));
}

void LogResumer::disconnected() {
  begun_.clear();
  is_inside_ = false;
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
