#include "fakes/api_server.h"

#include <algorithm>
#include <utility>

#include "fakes/api/answer.h"

namespace stoker::fakes {

// One user's way in.
class ApiServer::Door final : public kube::Transport {
 public:
  Door(ApiServer& server, std::string user) : server_(server), user_(std::move(user)) {}
  Result<net::Response> send(const runtime::Context& context, const kube::Call& call,
                             const net::BodySink& sink) override {
    return server_.send_as(user_, context, call, sink);
  }

 private:
  ApiServer& server_;
  std::string user_;
};

namespace {

Error broken(std::string message) {
  return {.code = ErrorCode::unavailable, .message = std::move(message)};
}

std::optional<Fault> only(const std::optional<Fault>& fault, Fault::Kind kind) {
  return fault && fault->kind == kind ? fault : std::nullopt;
}

// The body of a good answer goes to the sink.
Result<net::Response> deliver(net::Response response, const net::BodySink& sink, bool cut) {
  if (cut) {
    if (response.ok() && sink) TRY(sink(std::string_view(response.body).substr(0, response.body.size() / 2)));
    return broken("the connection broke in the middle of the answer");
  }
  if (response.ok() && sink) {
    if (!response.body.empty()) TRY(sink(response.body));
    response.body.clear();
  }
  return response;
}

CallRecord record_of(const std::string& user, const kube::Call& call) {
  return {.method = call.method, .path = call.path, .user = user, .body = call.body};
}

void describe(CallRecord& record, const Route& route) {
  const bool review = *route.type == kube::kSelfSubjectAccessReviews || *route.type == kube::kSubjectAccessReviews;
  record.verb = name_of(route.verb);
  record.resource = std::string(route.type->plural) + (route.subresource.empty() ? "" : "/" + route.subresource);
  record.namespace_name = route.namespace_name;
  record.name = route.name;
  record.dry_run = route.dry_run();
  record.write = route.changes() && !record.dry_run && !review ? 1 : 0;  // its number follows
}

std::optional<net::Response> fixed_answer(const kube::Call& call) {
  if (call.method != "GET") return std::nullopt;
  if (call.path == "/readyz" || call.path == "/livez" || call.path == "/healthz") return text_response(200, "ok");
  if (call.path == "/version")
    return json_response(200, json::object{{"major", "1"}, {"minor", "33"}, {"gitVersion", "v1.33.0"}});
  return std::nullopt;
}

}  // namespace

ApiServer::ApiServer(const Clock& clock, ManualClock* manual) : clock_(clock), manual_(manual), cluster_(clock) {}
ApiServer::ApiServer(ManualClock& clock) : ApiServer(clock, &clock) {}
ApiServer::ApiServer(const SystemClock& clock) : ApiServer(clock, nullptr) {}
ApiServer::~ApiServer() = default;

Result<net::Response> ApiServer::send(const runtime::Context& context, const kube::Call& call,
                                      const net::BodySink& sink) {
  return send_as("admin", context, call, sink);
}

kube::Transport& ApiServer::as(const std::string& user) {
  std::scoped_lock lock(mutex_);
  auto& door = doors_[user];
  if (door == nullptr) door = std::make_unique<Door>(*this, user);
  return *door;
}

std::optional<Fault> ApiServer::begin(CallRecord& record) {
  std::scoped_lock lock(mutex_);
  record.number = static_cast<int>(calls_.size()) + 1;
  if (record.write > 0) record.write = ++writes_;
  calls_.push_back(record);
  changed_.notify_all();
  std::optional<Fault> fault;
  if (const auto at = write_faults_.find(record.write); at != write_faults_.end()) {
    fault = std::move(at->second);
    write_faults_.erase(at);
    return fault;
  }
  const auto found = std::find_if(faults_.begin(), faults_.end(), [&](const auto& each) { return each.first(record); });
  if (found == faults_.end()) return std::nullopt;
  fault = std::move(found->second);
  faults_.erase(found);
  return fault;
}

void ApiServer::end(const CallRecord& record, int status) {
  std::scoped_lock lock(mutex_);
  calls_[static_cast<std::size_t>(record.number) - 1].status = status;
}

Result<net::Response> ApiServer::send_as(const std::string& user, const runtime::Context& context,
                                         const kube::Call& call, const net::BodySink& sink) {
  TRY(context.check(clock_));
  CallRecord record = record_of(user, call);
  std::optional<Route> route;
  std::optional<net::Response> refused = fixed_answer(call);
  try {
    if (!refused) route = route_of(call);
  } catch (const Refusal& refusal) {
    refused = refusal.response;
  }
  if (route) describe(record, *route);
  const std::optional<Fault> fault = begin(record);
  if (fault) switch (fault->kind) {
      case Fault::Kind::answer: end(record, fault->response.status); return deliver(fault->response, sink, false);
      case Fault::Kind::refused:
        return Error{.code = ErrorCode::unavailable, .message = "connection refused", .retryable = true};
      case Fault::Kind::broken_before: return broken("the connection broke before an answer");
      case Fault::Kind::slow: return wait_for_ever(context);
      default: break;
    }
  if (refused) {
    end(record, refused->status);
    return deliver(*refused, sink, only(fault, Fault::Kind::cut_body).has_value());
  }
  return handle(*route, call, record, context, sink, fault);
}

Result<net::Response> ApiServer::handle(const Route& route, const kube::Call& call, CallRecord& record,
                                        const runtime::Context& context, const net::BodySink& sink,
                                        const std::optional<Fault>& fault) {
  net::Response response;
  std::function<void(int)> hook;
  try {
    {
      std::scoped_lock lock(mutex_);
      cluster_.authorize(route, record.user);
    }
    if (route.verb == Verb::watch || route.subresource == "log") {
      auto streamed =
          route.verb == Verb::watch ? watch(route, context, sink, fault) : stream_log(route, context, sink, fault);
      if (streamed) end(record, streamed.value().status);
      return streamed;
    }
    std::scoped_lock lock(mutex_);
    response = cluster_.answer(route, call, record.user);
  } catch (const Refusal& refused) {
    response = refused.response;
  }
  {
    std::scoped_lock lock(mutex_);
    changed_.notify_all();
    hook = after_write_;
  }
  if (record.write > 0 && hook) {
    hook(record.write);
    TRY(context.check(clock_));
  }
  if (only(fault, Fault::Kind::broken_after)) return broken("the connection broke before an answer");
  if (only(fault, Fault::Kind::slow_after)) return wait_for_ever(context);
  end(record, response.status);
  return deliver(std::move(response), sink, only(fault, Fault::Kind::cut_body).has_value());
}

Result<net::Response> ApiServer::wait_for_ever(const runtime::Context& context) {
  std::unique_lock lock(mutex_);
  wait(lock, context, {}, [] { return false; });
  TRY(context.check(clock_));
  return broken("the wait ended without a reason");
}

void ApiServer::wait(std::unique_lock<std::mutex>& lock, const runtime::Context& context, runtime::Deadline deadline,
                     const std::function<bool()>& condition) const {
  const runtime::Deadline until = std::min(deadline, context.deadline);
  if (manual_ != nullptr || until.is_never())
    changed_.wait(lock, context.stop, [&] { return condition() || until.passed(clock_.steady_now()); });
  else
    changed_.wait_until(lock, context.stop, until.time(), condition);
}

// --- faults and records

void ApiServer::fail_next(Matcher matcher, Fault fault) {
  std::scoped_lock lock(mutex_);
  faults_.emplace_back(std::move(matcher), std::move(fault));
}

void ApiServer::fail_at(int write, Fault fault) {
  std::scoped_lock lock(mutex_);
  write_faults_.insert_or_assign(writes_ + write, std::move(fault));
}

void ApiServer::after_write(std::function<void(int write)> hook) {
  std::scoped_lock lock(mutex_);
  after_write_ = std::move(hook);
}

std::vector<CallRecord> ApiServer::calls() const {
  return calls(any_call());
}

std::vector<CallRecord> ApiServer::calls(const Matcher& matcher) const {
  std::scoped_lock lock(mutex_);
  std::vector<CallRecord> found;
  std::copy_if(calls_.begin(), calls_.end(), std::back_inserter(found), matcher);
  return found;
}

int ApiServer::writes() const {
  std::scoped_lock lock(mutex_);
  return writes_;
}

void ApiServer::await_watches(int count) const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return std::count_if(idle_.begin(), idle_.end(), [](const auto* condition) { return !(*condition)(); }) >= count;
  });
}

void ApiServer::await_calls(const Matcher& matcher, int count) const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return std::count_if(calls_.begin(), calls_.end(), matcher) >= count; });
}

}  // namespace stoker::fakes
