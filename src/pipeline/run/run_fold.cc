#include "pipeline/run/run_fold.h"

#include <fmt/format.h>

#include "codec/json_fields.h"
#include "codec/time.h"

namespace stoker::pipeline {

using codec::flag_of;
using codec::number_of;
using codec::object_of;
using codec::text_of;

namespace {

std::optional<Duration> opened_at(const json::object& fields) {
  if (!fields.contains("active_ms")) return std::nullopt;
  return Duration(number_of(fields, "active_ms", 0));
}

// Null when the event carries nothing of a result.
StepResultPtr result_of(const json::object& fields) {
  auto result = std::make_shared<StepResult>();
  result->outputs = object_of(fields, "outputs");
  for (const auto& [name, value] : object_of(fields, "metrics"))
    result->metrics[name] = value.to_number<double>();
  result->error = object_of(fields, "error");
  result->logs = object_of(fields, "logs");
  result->cache = object_of(fields, "cache");
  if (fields.contains("cpu_ms")) result->cpu_milliseconds = number_of(fields, "cpu_ms", 0);
  if (fields.contains("peak_rss_bytes")) result->peak_rss_bytes = number_of(fields, "peak_rss_bytes", 0);
  const bool empty = !fields.contains("outputs") && result->metrics.empty() && result->error.empty() &&
                     result->logs.empty() && result->cache.empty() && !result->cpu_milliseconds &&
                     !result->peak_rss_bytes;
  return empty ? nullptr : result;
}

// Which states an event may follow.
bool may_follow(StepState before, RunEventType type) {
  switch (type) {
    case RunEventType::step_reset: return true;
    case RunEventType::step_ready:
      return before == StepState::waiting || before == StepState::ready || before == StepState::retrying;
    case RunEventType::step_expanded:
    case RunEventType::step_started: return before == StepState::ready;
    case RunEventType::step_stopping:
    case RunEventType::step_retrying: return before == StepState::running;
    case RunEventType::step_succeeded: return before == StepState::running || before == StepState::ready;
    default: return !is_terminal(before);
  }
}

}  // namespace

Result<void> RunFold::apply(const RunEvent& event) {
  if (event.sequence != run_.next_sequence) {
    return Error{
        ErrorCode::corrupt, fmt::format("event {} where {} is due", event.sequence, run_.next_sequence), "", {}, false};
  }
  ++run_.next_sequence;
  if (event.step.empty()) {
    apply_run(event);
    return {};
  }
  return apply_step(event);
}

void RunFold::apply_run(const RunEvent& event) {
  const json::object& fields = event.fields;
  switch (event.type) {
    case RunEventType::run_started:
      run_.pipeline = PipelineName(text_of(fields, "pipeline"));
      run_.parameters = std::make_shared<const json::object>(object_of(fields, "parameters"));
      run_.document_digest = text_of(fields, "document_digest");
      break;
    case RunEventType::run_resumed:
      ++run_.resumes;
      if (flag_of(fields, "again")) run_.reopen();
      break;
    case RunEventType::run_stopping:
      run_.stop_reason = parse_stop_reason(text_of(fields, "reason")).value_or(StopReason::none);
      run_.stop_level = static_cast<int>(number_of(fields, "level", 0));
      break;
    default:
      run_.state = parse_run_state(text_of(fields, "state")).value_or(RunState::failed);
      run_.finished_at = event.time;
      if (fields.contains("outputs")) run_.outputs = std::make_shared<json::object>(object_of(fields, "outputs"));
      if (fields.contains("error")) run_.error = std::make_shared<json::object>(object_of(fields, "error"));
  }
}

void RunFold::end_attempt(const RunEvent& event, StepRow& row, AttemptState state) {
  const auto found = attempts_.find({row.path.str(), row.attempt});
  if (found == attempts_.end() || found->second.state != AttemptState::running) return;
  AttemptRow& attempt = found->second;
  attempt.state = state;
  attempt.finished_at = event.time;
  attempt.failure_class = parse_failure_class(text_of(event.fields, "class"));
}

Result<void> RunFold::apply_step(const RunEvent& event) {
  const json::object& fields = event.fields;
  StepRow& row = steps_[event.step.str()];
  if (!may_follow(row.state, event.type)) {
    return Error{ErrorCode::corrupt,
                 fmt::format("event {}: {} of {}, which is {}", event.sequence, run_event_name(event.type),
                             event.step.str(), step_state_name(row.state)),
                 "",
                 {},
                 false};
  }
  row.path = event.step;
  if (const auto kind = parse_instance_kind(text_of(fields, "kind"))) row.kind = *kind;
  switch (event.type) {
    case RunEventType::step_reset: {
      StepRow fresh;
      fresh.path = row.path;
      fresh.kind = row.kind;
      fresh.state = parse_step_state(text_of(fields, "state")).value_or(StepState::waiting);
      fresh.attempt = row.attempt;
      if (fresh.state == StepState::running) {
        fresh.count = row.count;
        fresh.ready_at = row.ready_at;
        fresh.started_at = row.started_at;
        if (row.opened) fresh.opened = Duration();
      }
      row = std::move(fresh);
      break;
    }
    case RunEventType::step_ready:
      row.state = StepState::ready;
      row.ready_at = event.time;
      break;
    case RunEventType::step_expanded:
      row.state = StepState::running;
      row.count = number_of(fields, "count", 0);
      row.started_at = event.time;
      row.opened = opened_at(fields);
      break;
    case RunEventType::step_started:
      row.state = StepState::running;
      row.started_at = event.time;
      row.opened = opened_at(fields);
      if (fields.contains("attempt")) {
        row.attempt = static_cast<int>(number_of(fields, "attempt", 0));
        AttemptRow& attempt = attempts_[{row.path.str(), row.attempt}];
        attempt.path = row.path;
        attempt.attempt = row.attempt;
        attempt.started_at = event.time;
      }
      break;
    case RunEventType::step_stopping: row.failure_class = FailureClass::timeout; break;
    case RunEventType::step_retrying: {
      const bool lost = flag_of(fields, "lost");
      const auto failure_class = parse_failure_class(text_of(fields, "class")).value_or(FailureClass::infrastructure);
      row.state = StepState::retrying;
      if (!lost) ++row.retries_used[static_cast<std::size_t>(failure_class)];
      end_attempt(event, row, lost ? AttemptState::lost : AttemptState::failed);
      break;
    }
    case RunEventType::step_succeeded:
      row.state = StepState::succeeded;
      row.cached = flag_of(fields, "cached");
      row.failure_class.reset();
      row.finished_at = event.time;
      row.result = result_of(fields);
      end_attempt(event, row, AttemptState::succeeded);
      break;
    case RunEventType::step_failed:
      row.state = StepState::failed;
      row.failure_class = parse_failure_class(text_of(fields, "class"));
      row.finished_at = event.time;
      row.result = result_of(fields);
      end_attempt(event, row, AttemptState::failed);
      break;
    case RunEventType::step_skipped:
      row.state = StepState::skipped;
      row.cause = parse_skip_cause(text_of(fields, "cause")).value_or(SkipCause::none);
      row.reason = text_of(fields, "reason");
      row.finished_at = event.time;
      break;
    default:
      row.state = StepState::cancelled;
      row.failure_class.reset();
      row.reason = text_of(fields, "reason");
      row.finished_at = event.time;
      end_attempt(event, row, AttemptState::cancelled);
  }
  return {};
}

// --- differences -----------------------------------------------------------------------------------------------------

namespace {

std::string time_text(const std::optional<WallTime>& time) {
  return time ? codec::format_time(*time) : "none";
}
std::string object_text(const std::shared_ptr<const json::object>& object) {
  return object != nullptr ? codec::canonical_json(*object) : "none";
}
std::string result_text(const StepResultPtr& result) {
  if (result == nullptr) return "none";
  std::string text = codec::canonical_json(json::array{result->outputs, result->error, result->logs, result->cache});
  for (const auto& [name, value] : result->metrics)
    text += fmt::format(" {}={}", name, value);
  return fmt::format("{} {} {}", text, result->cpu_milliseconds.value_or(-1), result->peak_rss_bytes.value_or(-1));
}
std::string class_text(const std::optional<FailureClass>& failure_class) {
  return failure_class ? std::string(failure_class_name(*failure_class)) : "none";
}

class Differ {
 public:
  explicit Differ(std::string where) : where_(std::move(where)) {}
  void compare(std::string_view what, const std::string& a, const std::string& b) {
    if (text_.empty() && a != b) text_ = fmt::format("{}: {} is {} and {}", where_, what, a, b);
  }
  void compare(std::string_view what, std::int64_t a, std::int64_t b) {
    compare(what, std::to_string(a), std::to_string(b));
  }
  std::string take() { return std::move(text_); }

 private:
  std::string where_;
  std::string text_;
};

}  // namespace

std::string difference(const StepRow& a, const StepRow& b) {
  Differ differ(a.path.str());
  differ.compare("path", a.path.str(), b.path.str());
  differ.compare("state", std::string(step_state_name(a.state)), std::string(step_state_name(b.state)));
  differ.compare("kind", std::string(instance_kind_name(a.kind)), std::string(instance_kind_name(b.kind)));
  differ.compare("attempt", a.attempt, b.attempt);
  differ.compare("cached", a.cached, b.cached);
  differ.compare("count", a.count, b.count);
  differ.compare("cause", std::string(skip_cause_name(a.cause)), std::string(skip_cause_name(b.cause)));
  differ.compare("reason", a.reason, b.reason);
  differ.compare("retries", retries_used_text(a.retries_used), retries_used_text(b.retries_used));
  differ.compare("ready_at", time_text(a.ready_at), time_text(b.ready_at));
  differ.compare("started_at", time_text(a.started_at), time_text(b.started_at));
  differ.compare("finished_at", time_text(a.finished_at), time_text(b.finished_at));
  differ.compare("opened", a.opened.value_or(Duration(-1)).count(), b.opened.value_or(Duration(-1)).count());
  differ.compare("class", class_text(a.failure_class), class_text(b.failure_class));
  differ.compare("result", result_text(a.result), result_text(b.result));
  return differ.take();
}

std::string difference(const RunRow& a, const RunRow& b) {
  Differ differ("run");
  differ.compare("state", std::string(run_state_name(a.state)), std::string(run_state_name(b.state)));
  differ.compare("pipeline", a.pipeline.str(), b.pipeline.str());
  differ.compare("next_sequence", a.next_sequence, b.next_sequence);
  differ.compare("finished_at", time_text(a.finished_at), time_text(b.finished_at));
  differ.compare("stop_reason", std::string(stop_reason_name(a.stop_reason)),
                 std::string(stop_reason_name(b.stop_reason)));
  differ.compare("stop_level", a.stop_level, b.stop_level);
  differ.compare("resumes", a.resumes, b.resumes);
  differ.compare("document_digest", a.document_digest, b.document_digest);
  differ.compare("parameters", codec::canonical_json(*a.parameters), codec::canonical_json(*b.parameters));
  differ.compare("outputs", object_text(a.outputs), object_text(b.outputs));
  differ.compare("error", object_text(a.error), object_text(b.error));
  return differ.take();
}

std::string difference(const AttemptRow& a, const AttemptRow& b) {
  Differ differ(fmt::format("{}/{}", a.path.str(), a.attempt));
  differ.compare("state", std::string(attempt_state_name(a.state)), std::string(attempt_state_name(b.state)));
  differ.compare("class", class_text(a.failure_class), class_text(b.failure_class));
  differ.compare("started_at", codec::format_time(a.started_at), codec::format_time(b.started_at));
  differ.compare("finished_at", time_text(a.finished_at), time_text(b.finished_at));
  return differ.take();
}

}  // namespace stoker::pipeline
