// Watches and followed logs: the calls that wait.
#include <fmt/format.h>

#include <algorithm>

#include "codec/json_fields.h"
#include "fakes/api/answer.h"
#include "fakes/api/selector.h"
#include "fakes/api_server.h"

namespace stoker::fakes {

// A watch that runs.
struct ApiServer::Stream {
  const Route& route;
  const net::BodySink& sink;
  Selector selector;
  std::uint64_t position = 0;  // the version that it has seen
  std::optional<Fault> fault;
  std::vector<std::string> lines;  // to be sent
  std::vector<std::string> sent;   // for faults that repeat
  std::string body;                // without a sink
};

namespace {

std::string event_line(std::string_view type, const json::object& object) {
  return codec::write_json(json::object{{"type", type}, {"object", object}}) + "\n";
}

std::optional<std::string> line_of(const Change& change, const Selector& selector) {
  const bool matched = change.before != nullptr && selector.matches(*change.before);
  if (change.kind == Change::Kind::removed)
    return matched ? std::optional(event_line("DELETED", *change.now)) : std::nullopt;
  if (selector.matches(*change.now)) return event_line(matched ? "MODIFIED" : "ADDED", *change.now);
  if (!matched) return std::nullopt;
  // It left the selection: its last state in it, with the version of what it left by.
  json::object last = *change.before;
  metadata_of(last)["resourceVersion"] = metadata_of(*change.now).at("resourceVersion");
  return event_line("DELETED", last);
}

std::string bookmark_line(const kube::ResourceType& type, std::uint64_t version) {
  return event_line(
      "BOOKMARK",
      {{"kind", type.kind},
       {"apiVersion", type.api_version},
       {"metadata", json::object{{"resourceVersion", std::to_string(version)}, {"creationTimestamp", nullptr}}}});
}

// Where a watch begins; none is with what is there now.
std::optional<std::uint64_t> start_of(const Route& route) {
  const std::string version = route.query_value("resourceVersion");
  if (version.empty() || version == "0") return std::nullopt;
  if (!std::all_of(version.begin(), version.end(), [](char c) { return c >= '0' && c <= '9'; }))
    throw server_error(fmt::format(
        "resourceVersion: Invalid value: {0}: strconv.ParseUint: parsing {0}: invalid syntax", quoted(version)));
  return std::stoull(version);
}

runtime::Deadline timeout_of(const Route& route, const Clock& clock) {
  const std::string seconds = route.query_value("timeoutSeconds");
  if (seconds.empty() || seconds == "0") return {};
  return runtime::Deadline::after(clock, std::chrono::seconds(number_in(seconds)));
}

Error broken_stream() {
  return {.code = ErrorCode::unavailable, .message = "the connection broke in the middle of the answer"};
}

net::Response good_stream(std::string body) {
  return {.status = 200, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

}  // namespace

void ApiServer::idle(std::unique_lock<std::mutex>& lock, const runtime::Context& context, runtime::Deadline deadline,
                     const std::function<bool()>& condition) {
  idle_.push_back(&condition);
  changed_.notify_all();
  wait(lock, context, deadline, condition);
  std::erase(idle_, &condition);
}

bool ApiServer::collect(Stream& stream) const {
  const Store& store = cluster_.store();
  const kube::ResourceType& type = *stream.route.type;
  if (stream.position < store.oldest(type)) {
    json::object status = status_object(
        410, "Expired", fmt::format("too old resource version: {} ({})", stream.position, store.oldest(type)));
    stream.lines.push_back(event_line("ERROR", status));
    return true;
  }
  const auto& changes = store.changes(type);
  auto each = std::upper_bound(changes.begin(), changes.end(), stream.position,
                               [](std::uint64_t version, const Change& change) { return version < change.version; });
  for (; each != changes.end(); ++each) {
    const std::string& wanted = stream.route.namespace_name;
    if (!wanted.empty() && namespace_of(*each->now) != wanted) continue;
    if (auto line = line_of(*each, stream.selector)) stream.lines.push_back(std::move(*line));
  }
  stream.position = std::max(stream.position, store.version());
  return false;
}

Result<void> ApiServer::flush(std::unique_lock<std::mutex>& lock, Stream& stream) {
  const std::vector<std::string> lines = std::exchange(stream.lines, {});
  lock.unlock();
  const auto send = [&](const std::string& line) -> Result<void> {
    if (stream.sink) return stream.sink(line);
    stream.body += line;
    return {};
  };
  Result<void> outcome;
  for (const std::string& line : lines) {
    outcome = send(line);
    if (!outcome) break;
    if (!stream.fault) continue;
    stream.sent.push_back(line);
    if (static_cast<int>(stream.sent.size()) != stream.fault->events) continue;
    if (stream.fault->kind == Fault::Kind::repeat_event) outcome = send(line);
    if (stream.fault->kind == Fault::Kind::go_back)
      for (std::size_t i = 0; i < stream.sent.size() && outcome; ++i)
        outcome = send(stream.sent[i]);
    if (stream.fault->kind == Fault::Kind::drop_watch || stream.fault->kind == Fault::Kind::break_watch || !outcome)
      break;
  }
  lock.lock();
  return outcome;
}

Result<net::Response> ApiServer::watch(const Route& route, const runtime::Context& context, const net::BodySink& sink,
                                       const std::optional<Fault>& fault) {
  std::unique_lock lock(mutex_);
  Stream stream{
      .route = route,
      .sink = sink,
      .selector = Selector(*route.type, route.query_value("labelSelector"), route.query_value("fieldSelector")),
      .fault = fault};
  const runtime::Deadline timeout = timeout_of(route, clock_);
  const bool bookmarks = route.query_flag("allowWatchBookmarks");
  const std::uint64_t drops = drops_;
  const std::uint64_t breaks = breaks_;
  std::uint64_t seen_bookmarks = bookmarks_;
  if (const auto start = start_of(route)) {
    stream.position = *start;
  } else {
    stream.position = cluster_.store().version();
    for (const ObjectPointer& each : cluster_.store().all(*route.type, route.namespace_name))
      if (stream.selector.matches(*each)) stream.lines.push_back(event_line("ADDED", *each));
  }
  while (true) {
    const bool over = collect(stream);
    if (bookmarks && seen_bookmarks != bookmarks_) stream.lines.push_back(bookmark_line(*route.type, stream.position));
    seen_bookmarks = bookmarks_;
    if (!stream.lines.empty()) {
      TRY(flush(lock, stream));
      const bool enough = fault && static_cast<int>(stream.sent.size()) >= fault->events;
      if (fault && (fault->kind == Fault::Kind::cut_body || (enough && fault->kind == Fault::Kind::break_watch)))
        return broken_stream();
      if (over || (enough && fault->kind == Fault::Kind::drop_watch)) return good_stream(std::move(stream.body));
      TRY(context.check(clock_));
      continue;  // what happened meanwhile comes before any end
    }
    if (breaks_ != breaks) return broken_stream();
    if (drops_ != drops || timeout.passed(clock_.steady_now())) return good_stream(std::move(stream.body));
    TRY(context.check(clock_));
    idle(lock, context, timeout, [&] {
      const auto& changes = cluster_.store().changes(*route.type);
      return (!changes.empty() && changes.back().version > stream.position) || drops_ != drops || breaks_ != breaks ||
             (bookmarks && seen_bookmarks != bookmarks_);
    });
  }
}

Result<net::Response> ApiServer::stream_log(const Route& route, const runtime::Context& context,
                                            const net::BodySink& sink, const std::optional<Fault>& fault) {
  std::unique_lock lock(mutex_);
  const LogKey key = cluster_.log_key(route);
  if (key.pod_uid.empty()) return net::Response{.status = 204, .headers = {}, .body = {}};
  const Log& log = cluster_.logs().of(key);  // a map's values stay where they are
  const std::uint64_t cuts = log_cuts_;
  net::Response response = text_response(200, "");
  for (std::size_t sent = 0;;) {
    const std::string text = shown(log, sent, route, clock_.wall_now());
    sent = log.pieces.size();
    const bool cut = fault && (fault->kind == Fault::Kind::cut_body || fault->kind == Fault::Kind::break_watch);
    if (!text.empty() && sink) {
      lock.unlock();
      const Result<void> taken = sink(cut ? std::string_view(text).substr(0, text.size() / 2) : std::string_view(text));
      lock.lock();
      TRY(taken);
    } else {
      response.body += text;
    }
    if (cut || log_cuts_ != cuts) return broken_stream();
    if (!route.query_flag("follow") || (log.ended && sent == log.pieces.size())) return response;
    TRY(context.check(clock_));
    idle(lock, context, {}, [&] { return log.ended || log.pieces.size() > sent || log_cuts_ != cuts; });
  }
}

void ApiServer::advance(std::chrono::milliseconds by) {
  std::scoped_lock lock(mutex_);
  if (manual_ != nullptr) manual_->advance(by);
  changed_.notify_all();
}

void ApiServer::drop_watches() {
  std::scoped_lock lock(mutex_);
  ++drops_;
  changed_.notify_all();
}

void ApiServer::break_watches() {
  std::scoped_lock lock(mutex_);
  ++breaks_;
  changed_.notify_all();
}

void ApiServer::send_bookmarks() {
  std::scoped_lock lock(mutex_);
  ++bookmarks_;
  changed_.notify_all();
}

void ApiServer::expire_history() {
  std::scoped_lock lock(mutex_);
  cluster_.compact();
}

void ApiServer::cut_logs() {
  std::scoped_lock lock(mutex_);
  ++log_cuts_;
  changed_.notify_all();
}

}  // namespace stoker::fakes
