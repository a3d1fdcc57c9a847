#include "submission/log_resumer.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace stoker::submission {

namespace {

// "2026-01-01T00:00:05.123+02:00" without its fraction; "" for what is no time.
std::string second_of(std::string_view time) {
  constexpr std::size_t kSecondsEnd = std::string_view("2026-01-01T00:00:00").size();
  const std::size_t zone = time.find_first_of("Z+-", std::min(kSecondsEnd, time.size()));
  if (zone == std::string_view::npos) return "";
  return std::string(time.substr(0, kSecondsEnd)) + std::string(time.substr(zone));
}

}  // namespace

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
  const std::string_view text = line.substr(0, blank);
  const std::size_t time = std::hash<std::string_view>()(text);
  std::string second = second_of(text);
  if (const auto again = to_skip_.find(time); again != to_skip_.end()) {
    if (--again->second == 0) to_skip_.erase(again);
    before_window_ = false;
    is_wanted_ = false;
    return;
  }
  before_window_ = before_window_ && second == first_second_;
  is_wanted_ = !before_window_;
  if (!is_wanted_) return;
  if (first_second_.empty()) first_second_ = second;
  if (second != second_) of_second_ = 0;
  second_ = std::move(second);
  last_times_.push_back(time);
  ++of_second_;
  const std::size_t most = std::max(kRememberedLines, std::min(of_second_, kRememberedOfOneSecond));
  while (last_times_.size() > most)
    last_times_.pop_front();
  on_line(line.substr(blank + 1));
}

void LogResumer::disconnected() {
  begun_.clear();
  is_inside_ = false;
  to_skip_.clear();
  for (const std::size_t time : last_times_)
    ++to_skip_[time];
  before_window_ = from_tail_ && second_ == first_second_;
}

void LogResumer::flush(const Line& on_line) {
  if (!begun_.empty()) take(std::exchange(begun_, {}), on_line);
}

std::string LogResumer::since_time() const {
  return second_;
}

}  // namespace stoker::submission
