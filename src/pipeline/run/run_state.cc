#include "pipeline/run/run_state.h"

#include <fmt/format.h>

#include <charconv>

#include "base/enum_name.h"
#include "base/strings.h"
#include "codec/time.h"

namespace stoker::pipeline {

namespace {

constexpr std::array<std::string_view, 4> kRunStates = {"running", "succeeded", "failed", "cancelled"};
constexpr std::array<std::string_view, 8> kStepStates = {"waiting",   "ready",  "running", "retrying",
                                                         "succeeded", "failed", "skipped", "cancelled"};
constexpr std::array<std::string_view, 4> kSkipCauses = {"none", "condition", "upstreamSkipped", "upstreamFailed"};
constexpr std::array<std::string_view, 3> kStopReasons = {"none", "cancel", "timeout"};
constexpr std::array<std::string_view, 4> kInstanceKinds = {"leaf", "foreach", "repeat", "pipeline"};
constexpr std::array<std::string_view, 5> kAttemptStates = {"running", "succeeded", "failed", "cancelled", "lost"};
constexpr std::array<std::string_view, 14> kEventNames = {
    "run.started",   "run.resumed",  "run.stopping",   "step.reset",    "step.ready",
    "step.expanded", "step.started", "step.stopping",  "step.retrying", "step.succeeded",
    "step.failed",   "step.skipped", "step.cancelled", "run.finished"};

}  // namespace

std::string_view run_state_name(RunState state) {
  return enum_name(kRunStates, state);
}
std::string_view step_state_name(StepState state) {
  return enum_name(kStepStates, state);
}
std::optional<RunState> parse_run_state(std::string_view name) {
  return find_enum<RunState>(kRunStates, name);
}
std::optional<StepState> parse_step_state(std::string_view name) {
  return find_enum<StepState>(kStepStates, name);
}
std::string_view skip_cause_name(SkipCause cause) {
  return enum_name(kSkipCauses, cause);
}
std::optional<SkipCause> parse_skip_cause(std::string_view name) {
  return find_enum<SkipCause>(kSkipCauses, name);
}
std::string_view stop_reason_name(StopReason reason) {
  return enum_name(kStopReasons, reason);
}
std::optional<StopReason> parse_stop_reason(std::string_view name) {
  return find_enum<StopReason>(kStopReasons, name);
}
std::string_view instance_kind_name(InstanceKind kind) {
  return enum_name(kInstanceKinds, kind);
}
std::optional<InstanceKind> parse_instance_kind(std::string_view name) {
  return find_enum<InstanceKind>(kInstanceKinds, name);
}
std::string_view attempt_state_name(AttemptState state) {
  return enum_name(kAttemptStates, state);
}
std::optional<AttemptState> parse_attempt_state(std::string_view name) {
  return find_enum<AttemptState>(kAttemptStates, name);
}
std::string_view run_event_name(RunEventType type) {
  return enum_name(kEventNames, type);
}
std::optional<RunEventType> parse_run_event_type(std::string_view name) {
  return find_enum<RunEventType>(kEventNames, name);
}

void RunRow::reopen() {
  state = RunState::running;
  finished_at.reset();
  stop_reason = StopReason::none;
  stop_level = 0;
  outputs.reset();
  error.reset();
}

std::string retries_used_text(const RetriesUsed& used) {
  std::string text;
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (used[i] == 0) continue;
    if (!text.empty()) text += ',';
    text += fmt::format("{}={}", failure_class_name(static_cast<FailureClass>(i)), used[i]);
  }
  return text;
}

Result<RetriesUsed> parse_retries_used(std::string_view text) {
  RetriesUsed used{};
  if (text.empty()) return used;
  for (const std::string& part : split(text, ',')) {
    const std::size_t equals = part.find('=');
    const auto failure_class = parse_failure_class(std::string_view(part).substr(0, equals));
    int count = 0;
    const char* end = part.data() + part.size();
    const bool number = equals != std::string::npos && std::from_chars(part.data() + equals + 1, end, count).ptr == end;
    if (!failure_class || !number || count < 0 || count > 255) {
      return Error{ErrorCode::corrupt, fmt::format("retries used \"{}\" cannot be read", text), "", {}, false};
    }
    used[static_cast<std::size_t>(*failure_class)] = static_cast<std::uint8_t>(count);
  }
  return used;
}

json::object RunEvent::to_json(const RunId& run) const {
  json::object line;
  line.reserve(fields.size() + 6);
  line["version"] = kRunEventVersion;
  line["seq"] = sequence;
  line["time"] = codec::format_time(time);
  line["run"] = run.str();
  line["type"] = run_event_name(type);
  if (!step.empty()) line["step"] = step.str();
  for (const auto& [key, value] : fields)
    line[key] = value;
  return line;
}

}  // namespace stoker::pipeline
