#include "local/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "local/text.h"

namespace stoker::local {

namespace {

constexpr std::size_t kLabelLimit = 200;
constexpr std::size_t kNameLimit = 256;
constexpr int kVersion = 1;

std::optional<double> read_number(const json::object& message, std::string_view key) {
  const json::value* value = message.if_contains(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number()) return value->to_number<double>();
  if (!value->is_string()) return std::nullopt;
  if (value->get_string() == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value->get_string() == "Infinity") return std::numeric_limits<double>::infinity();
  if (value->get_string() == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

std::string read_text(const json::object& message, std::string_view key, std::size_t limit) {
  const json::value* value = message.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  return printable(std::string_view(value->get_string()).substr(0, limit));
}

std::int64_t whole(double value) {
  constexpr double kLargest = 1e15;
  if (!std::isfinite(value)) return 0;
  return static_cast<std::int64_t>(std::clamp(value, 0.0, kLargest));
}

bool speaks_our_version(const json::object& message) {
  const json::value* versions = message.if_contains("versions");
  if (versions == nullptr || !versions->is_array()) return false;
  const auto& list = versions->get_array();
  return std::any_of(list.begin(), list.end(), [](const json::value& version) { return version == kVersion; });
}

}  // namespace

WorkerStream::WorkerStream(runtime::Fd socket, engine::AttemptId id, engine::AttemptEvents& events,
                           runtime::EventLoop& loop, std::function<void(std::string)> fault)
    : channel_(std::move(socket), kMessageLimit),
      id_(std::move(id)),
      events_(events),
      loop_(loop),
      fault_(std::move(fault)),
      filled_(loop.clock().steady_now()) {
  loop_.watch(channel_.fd(), [this] { read(kRoundBytes); });
}

WorkerStream::~WorkerStream() {
  close();
}

void WorkerStream::drain() {
  if (open_) read(kDrainBytes);
}

void WorkerStream::close() {
  if (!std::exchange(open_, false)) return;
  loop_.forget(channel_.fd());
  channel_.close();
}

void WorkerStream::break_off(std::string reason) {
  close();
  fault_(std::move(reason));
}

void WorkerStream::read(std::size_t most) {
  auto more = channel_.read_available(most);
  while (open_) {
    auto message = channel_.next();
    if (!message)
      return break_off("the step wrote something into $STOKER_PROTOCOL that is no message: " + message.error().message);
    if (!*message) break;
    handle(**message);
  }
  if (open_ && (!more || !*more)) close();
}

bool WorkerStream::allowed() {
  SteadyTime now = loop_.clock().steady_now();
  const double seconds = std::chrono::duration<double>(now - filled_).count();
  filled_ = now;
  tokens_ = std::min<double>(kMessageBurst, tokens_ + seconds * kMessagesPerSecond);
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void WorkerStream::handle(const json::value& value) {
  if (!value.is_object())
    return break_off("the step wrote something into $STOKER_PROTOCOL that is no message: no JSON object");
  const json::object& message = value.get_object();
  const std::string type = read_text(message, "type", kNameLimit);
  if (type == "hello" && !speaks_our_version(message)) {
    return break_off(fmt::format("{} speaks no version of the step protocol that this program knows",
                                 read_text(message, "worker", kLabelLimit)));
  }
  if (type == "progress" && allowed()) {
    engine::AttemptProgress progress;
    progress.done = whole(read_number(message, "done").value_or(0));
    progress.total = whole(read_number(message, "total").value_or(0));
    progress.label = read_text(message, "label", kLabelLimit);
    events_.progress(id_, std::move(progress));
  } else if (type == "metric" && allowed()) {
    std::string name = read_text(message, "name", kNameLimit);
    auto number = read_number(message, "value");
    auto step = read_number(message, "step");
    if (name.empty() || !number) return;
    events_.metric(id_, std::move(name), *number, step ? std::optional<std::int64_t>(whole(*step)) : std::nullopt);
  }
}

}  // namespace stoker::local
