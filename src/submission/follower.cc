#include "submission/follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include "kube/api_error.h"
#include "resources/object.h"
#include "runtime/event_loop.h"
#include "runtime/stop.h"
#include "runtime/wait.h"
#include "submission/log_reader.h"

namespace stoker::submission {

namespace {

using runtime::Context;

// Of a server that stays away.
constexpr int kLongestDelays = 30;

// Objects that a selection names, from a list and then from watches, until the context ends. Nobody hears twice of the
// same state but after a watch that broke.
class ObjectWatch {
 public:
  struct Sink {
    std::function<void(json::object)> on_object;
    std::function<void()> on_missing;  // the list has none; the watch says so of the last one with on_removed
    std::function<void(json::object)> on_removed;
    std::function<void(const Error&)> on_trouble;
  };

  ObjectWatch(const kube::Client& client, kube::ObjectPath path, kube::Selection selection,
              std::chrono::milliseconds retry_delay, Sink sink)
      : client_(client),
        path_(std::move(path)),
        selection_(std::move(selection)),
        retry_delay_(retry_delay),
        sink_(std::move(sink)) {}

  // The error that ends it: the context's, or one that trying again does not heal.
  Error run(const Context& context) {
    std::string said;  // of what breaks it, until it works again
    auto delay = retry_delay_;
    while (true) {
      came_ = false;
      const auto ended = version_.empty() ? list(context) : watch(context);
      if (came_) {
        said.clear();
        delay = retry_delay_;
      }
      if (ended && came_) continue;
      if (!ended) {
        const Error& error = ended.error();
        if (auto alive = context.check(client_.clock()); !alive) return std::move(alive).error();
        const bool expired = error.code == ErrorCode::expired;
        if (!expired && !kube::is_passing(error)) return error;
        if (!expired && said != error.describe()) sink_.on_trouble(error);
        if (!expired) said = error.describe();
        version_.clear();
      }
      if (auto waited = runtime::wait_for(context, client_.clock(), delay); !waited) return std::move(waited).error();
      delay = std::min(2 * delay, kLongestDelays * retry_delay_);
    }
  }

 private:
  Result<void> list(const Context& context) {
    TRY_ASSIGN(kube::ObjectList all, client_.list(context, path_, selection_));
    came_ = true;
    version_ = all.resource_version;
    if (all.objects.empty() && sink_.on_missing) sink_.on_missing();
    for (json::object& object : all.objects)
      sink_.on_object(std::move(object));
    return {};
  }
  Result<void> watch(const Context& context) {
    return client_.watch(context, path_, selection_, version_, [this](kube::WatchEvent event) -> Result<void> {
      came_ = true;
      version_ = resources::metadata_text(event.object, "resourceVersion");
      if (event.kind == kube::WatchEvent::Kind::bookmark) return {};
      if (event.kind != kube::WatchEvent::Kind::removed)
        sink_.on_object(std::move(event.object));
      else if (sink_.on_removed)
        sink_.on_removed(std::move(event.object));
      return {};
    });
  }

  const kube::Client& client_;
  const kube::ObjectPath path_;
  const kube::Selection selection_;
  const std::chrono::milliseconds retry_delay_;
  const Sink sink_;
  std::string version_;  // "": to be listed
  bool came_ = false;    // an answer, or an event
};

class Follower {
 public:
  Follower(const kube::Client& client, const DriverPod& driver, const FollowOptions& options, FollowListener& listener)
      : client_(client),
        driver_(driver),
        options_(options),
        listener_(listener),
        loop_(client.clock()),
        log_(client,
             {.previous = false,
              .tail_lines = options.tail_lines,
              .retry_delay = options.retry_delay,
              .maximum_failures = std::nullopt},
             [this](std::string_view line) { hand_on(line); }) {}

  Result<Ending> run(const Context& context) {
    const auto stop = [this] { loop_.stop(); };
    const runtime::StopCallback<decltype(stop)> on_stop(context.stop, stop);
    if (!context.deadline.is_never()) loop_.at(context.deadline.time(), stop);
    loop_.after(options_.until_nobody_schedules, [this] {
      if (last_ && !scheduled_ && !problem_) tell(nobody_schedules(*last_));
    });
    // Stopped and joined whatever ends this function, a listener that throws too.
    std::jthread pods([this](runtime::StopToken ends) { watch_pod({.deadline = {}, .stop = std::move(ends)}); });
    std::jthread events([this](runtime::StopToken ends) { watch_events({.deadline = {}, .stop = std::move(ends)}); });
    loop_.run();
    pods.request_stop();
    events.request_stop();
    end_log(context);
    if (failure_) return *failure_;
    if (!done_) TRY(context.check(client_.clock()));
    return Ending{.state = state_, .problem = problem_, .log_trouble = log_trouble_};
  }

  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;
  ~Follower() { log_stop_.request_stop(); }

 private:
  void watch_pod(const Context& context) {
    ObjectWatch watch(
        client_, kube::ObjectPath::all(kube::kPods, driver_.namespace_name),
        {.labels = {}, .fields = "metadata.name=" + driver_.name}, options_.retry_delay,
        {.on_object = [this](json::object pod) { post([this, pod = std::move(pod)] { on_pod(pod); }); },
         .on_missing = [this] { post([this] { on_removed(last_ ? *last_ : json::object()); }); },
         .on_removed = [this](json::object pod) { post([this, pod = std::move(pod)] { on_removed(pod); }); },
         .on_trouble = [this](const Error& error) { post([this, error] { listener_.on_trouble(error); }); }});
    const Error error = watch.run(context);
    post([this, error] {
      failure_ = error;
      loop_.stop();
    });
  }

  // Events are a help; who may not see them follows without.
  void watch_events(const Context& context) {
    ObjectWatch watch(
        client_, kube::ObjectPath::all(kube::kEvents, driver_.namespace_name),
        {.labels = {}, .fields = "involvedObject.uid=" + driver_.uid}, options_.retry_delay,
        {.on_object = [this](json::object event) { post([this, event = std::move(event)] { on_event(event); }); },
         .on_missing = {},
         .on_removed = {},
         .on_trouble = [](const Error&) {}});
    watch.run(context);
  }

  // What comes after the end is not heard.
  void post(std::function<void()> callback) {
    loop_.post([this, callback = std::move(callback)] {
      if (!done_ && !failure_) callback();
    });
  }

  void on_pod(const json::object& pod) {
    if (resources::metadata_text(pod, "uid") != driver_.uid) {  // another of the same name: ours is gone
      on_removed(last_ ? *last_ : json::object());
      return;
    }
    last_ = pod;
    const spark::DriverState state = spark::driver_state(pod);
    if (!state.node.empty() || !state.reason.empty()) scheduled_ = true;
    take(state);
    if (done_) return;
    if (state.hopeless) {
      tell(problem_of_pod(pod, state).value_or(StartProblem{}));
      finish();
    } else if (const auto problem = problem_of_pod(pod, state)) {
      tell(*problem);
    } else if (state.phase == spark::DriverPhase::running) {
      forget_problem();
    }
    if (state.has_log && options_.with_log && !log_thread_) read_log(spark::driver_container_name(pod));
  }

  void on_removed(const json::object& last) {
    take(spark::after_deletion(last));
    if (!done_) finish();
  }

  void on_event(const json::object& event) {
    if (state_.phase != spark::DriverPhase::waiting) return;
    const auto time = time_of_event(event);
    if (is_progress(event)) {
      // Another try, which takes its time.
      if (!time || time >= last_progress_) is_pulling_ = resources::text_in(event, "reason") == "Pulling";
      last_progress_ = std::max(last_progress_, time);
      // What the pod itself says of its containers is over when it says so.
      if (problem_ && problem_is_of_event_) forget_problem();
      return;
    }
    const bool is_warning = resources::text_in(event, "type") == "Warning";
    if (is_warning && (!time || time >= last_progress_)) is_pulling_ = false;
    if (!is_pulling_ && is_impatient_) return finish();
    const auto problem = problem_of_event(event);
    if (!problem || (time && time <= last_progress_)) return;
    scheduled_ = true;
    tell(*problem);
    problem_is_of_event_ = true;
  }

  void take(const spark::DriverState& state) {
    const bool changed = !state_known_ || state.phase != state_.phase;
    state_ = state;
    state_known_ = true;
    if (changed) listener_.on_state(state);
    if (state.ended()) finish();
  }

  void finish() {
    done_ = true;
    log_.container_ended();
    loop_.stop();
  }

  // Says each problem once, and gives up on one that stays.
  void tell(const StartProblem& problem) {
    if (!problem_ || problem_->text != problem.text) listener_.on_problem(problem);
    const bool begins = !problem_ || !problem_->likely_final;
    problem_ = problem;
    problem_is_of_event_ = false;
    if (problem.likely_final && begins) patience_ = loop_.after(options_.patience, [this] { lose_patience(); });
    if (!problem.likely_final) forget_patience();
  }
  void lose_patience() {
    if (is_pulling_)
      is_impatient_ = true;  // until that try has ended
    else
      finish();
  }
  void forget_problem() {
    problem_.reset();
    forget_patience();
  }
  void forget_patience() {
    if (patience_) loop_.cancel(*patience_);
    patience_.reset();
    is_impatient_ = false;
  }

  void read_log(std::string container) {
    log_thread_.emplace([this, container = std::move(container)] {
      const auto read =
          log_.run({.deadline = {}, .stop = log_stop_.get_token()},
                   {.namespace_name = driver_.namespace_name, .pod = driver_.name, .container = container});
      if (read || read.error().code == ErrorCode::cancelled) return;
      log_trouble_ = read.error();
      post([this] { tell_log_trouble(); });  // if it is not over
    });
  }

  void tell_log_trouble() {
    if (!std::exchange(log_trouble_is_told_, true)) listener_.on_trouble(*log_trouble_);
  }

  void hand_on(std::string_view line) {
    handing_on_ = true;
    listener_.on_log(line, log_stop_.get_token());
    handing_on_ = false;
    ++lines_;
  }

  void end_log(const Context& context) {
    // A driver that ended before it was seen to run has a log too.
    if (!log_thread_ && options_.with_log && done_ && state_.has_log && last_)
      read_log(spark::driver_container_name(*last_));
    if (!log_thread_) return;
    if (done_)
      finish_log(context);
    else
      log_stop_.request_stop();
    log_thread_.reset();
    if (log_trouble_ && done_) tell_log_trouble();
  }

  // The rest of the log has its own time, which the caller's stop may cut short. A reader may take the time that it
  // wants; a log of which nothing comes is given up.
  void finish_log(const Context& context) {
    const auto stop = [this] { log_stop_.request_stop(); };
    const runtime::StopCallback<decltype(stop)> on_stop(context.stop, stop);
    std::atomic<bool> gave_up = false;
    const std::jthread limit([this, stop, &gave_up](const std::stop_token& finished) {
      const Context rest = Context{.deadline = {}, .stop = finished};
      while (true) {
        const std::uint64_t before = lines_;
        if (!runtime::wait_for(rest, client_.clock(), options_.time_for_log)) return;
        if (lines_ != before || handing_on_) continue;
        gave_up = true;
        return stop();
      }
    });
    log_thread_->join();
    if (gave_up && !log_trouble_)
      log_trouble_ = Error{.code = ErrorCode::timed_out, .message = "the end of the driver's log did not come"};
  }

  const kube::Client& client_;
  const DriverPod& driver_;
  const FollowOptions& options_;
  FollowListener& listener_;
  runtime::EventLoop loop_;
  // Of the loop's thread, as all that follows.
  std::optional<json::object> last_;  // the pod as it was last seen
  spark::DriverState state_;
  bool state_known_ = false;
  bool scheduled_ = false;  // somebody has looked at the pod
  bool done_ = false;
  std::optional<Error> failure_;
  std::optional<StartProblem> problem_;
  bool problem_is_of_event_ = false;
  std::optional<WallTime> last_progress_;  // as events say
  std::optional<runtime::TimerId> patience_;
  bool is_pulling_ = false;    // an image, as events say
  bool is_impatient_ = false;  // the patience is over
  bool log_trouble_is_told_ = false;
  std::optional<Error> log_trouble_;      // of the log's thread, until that has posted it or has ended
  std::atomic<bool> handing_on_ = false;  // of the log's thread
  std::atomic<std::uint64_t> lines_ = 0;  // that were handed on
  LogReader log_;
  runtime::StopSource log_stop_;
  std::optional<std::jthread> log_thread_;  // last: it uses what is above
};

}  // namespace

Result<Ending> follow(const runtime::Context& context, const kube::Client& client, const DriverPod& driver,
                      const FollowOptions& options, FollowListener& listener) {
  return Follower(client, driver, options, listener).run(context);
}

}  // namespace stoker::submission
