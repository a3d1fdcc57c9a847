#include "engine/run_rows.h"

#include <fmt/format.h>

#include "codec/json_fields.h"
#include "pipeline/step_path.h"

namespace stoker::engine {

using codec::number_of;
using codec::object_of;
using codec::text_of;

namespace {

StepName step_name(const StepPath& path) {
  auto segments = pipeline::parse_path(path.str());
  return segments && !segments->empty() ? StepName(segments->back().step) : StepName(path.str());
}

Error damaged(std::string_view what, std::string_view text) {
  return {ErrorCode::corrupt, fmt::format("{} \"{}\" cannot be read", what, text), "", {}, false};
}

// What the machine needs back and the columns do not hold; only what differs from a fresh row.
json::object machine_state(const pipeline::StepRow& row) {
  json::object state;
  if (row.kind != pipeline::InstanceKind::leaf) state["kind"] = pipeline::instance_kind_name(row.kind);
  if (row.count >= 0) state["count"] = row.count;
  if (row.cause != pipeline::SkipCause::none) state["cause"] = pipeline::skip_cause_name(row.cause);
  if (const auto used = pipeline::retries_used_text(row.retries_used); !used.empty()) state["retries"] = used;
  if (row.ready_at) state["ready"] = row.ready_at->time_since_epoch().count();
  if (row.opened) state["opened_ms"] = row.opened->count();
  if (row.result != nullptr && !row.result->logs.empty()) state["logs"] = row.result->logs;
  return state;
}

}  // namespace

metadata::StepRow to_store(const pipeline::StepRow& row, const std::string& logs) {
  metadata::StepRow out;
  out.path = row.path;
  out.name = step_name(row.path);
  out.state = pipeline::step_state_name(row.state);
  out.attempts = row.attempt;
  out.cached = row.cached;
  out.reason = row.reason;
  out.started = row.started_at;
  out.finished = row.finished_at;
  out.logs = logs;
  out.machine_version = pipeline::kRunMachineVersion;
  out.machine_state = machine_state(row);
  if (row.failure_class) out.error_class = pipeline::failure_class_name(*row.failure_class);
  if (row.result == nullptr) return out;
  const pipeline::StepResult& result = *row.result;
  // An empty object is "made nothing", null is "has no result".
  out.outputs = result.outputs;
  if (!result.metrics.empty()) {
    json::object& metrics = out.metrics.emplace_object();
    for (const auto& [name, value] : result.metrics)
      metrics[name] = value;
  }
  if (!result.error.empty()) {
    out.error = result.error;
    out.error_message = text_of(result.error, "message");
  }
  if (!result.cache.empty()) {
    out.cache = result.cache;
    out.cache_key = text_of(result.cache, "key");
  }
  out.cpu_ms = result.cpu_milliseconds.value_or(0);
  out.peak_rss_bytes = result.peak_rss_bytes.value_or(0);
  return out;
}

Result<pipeline::StepRow> from_store(const metadata::StepRow& row) {
  pipeline::StepRow out;
  out.path = row.path;
  const auto state = pipeline::parse_step_state(row.state);
  if (!state) return damaged("step state", row.state);
  out.state = *state;
  out.attempt = row.attempts;
  out.cached = row.cached;
  out.reason = row.reason;
  out.started_at = row.started;
  out.finished_at = row.finished;
  const json::object own = object_of(row.machine_state);
  if (const std::string kind = text_of(own, "kind"); !kind.empty()) {
    const auto parsed = pipeline::parse_instance_kind(kind);
    if (!parsed) return damaged("step kind", kind);
    out.kind = *parsed;
  }
  out.count = number_of(own, "count", -1);
  if (const std::string cause = text_of(own, "cause"); !cause.empty())
    out.cause = pipeline::parse_skip_cause(cause).value_or(pipeline::SkipCause::none);
  TRY_ASSIGN(out.retries_used, pipeline::parse_retries_used(text_of(own, "retries")));
  if (own.contains("ready")) out.ready_at = WallTime(std::chrono::milliseconds(number_of(own, "ready", 0)));
  if (own.contains("opened_ms")) out.opened = pipeline::Duration(number_of(own, "opened_ms", 0));
  if (!row.error_class.empty()) out.failure_class = pipeline::parse_failure_class(row.error_class);
  if (row.outputs.is_null()) return out;
  auto result = std::make_shared<pipeline::StepResult>();
  result->outputs = object_of(row.outputs);
  for (const auto& [name, value] : object_of(row.metrics)) {
    if (value.is_number()) result->metrics[name] = value.to_number<double>();
  }
  result->error = object_of(row.error);
  result->cache = object_of(row.cache);
  if (const json::value* logs = own.if_contains("logs")) result->logs = object_of(*logs);
  if (row.cpu_ms != 0) result->cpu_milliseconds = row.cpu_ms;
  if (row.peak_rss_bytes != 0) result->peak_rss_bytes = row.peak_rss_bytes;
  out.result = std::move(result);
  return out;
}

metadata::AttemptRow to_store(const pipeline::AttemptRow& row, const std::string& logs) {
  metadata::AttemptRow out;
  out.path = row.path;
  out.attempt = row.attempt;
  out.state = pipeline::attempt_state_name(row.state);
  if (row.failure_class) out.failure_class = pipeline::failure_class_name(*row.failure_class);
  out.started = row.started_at;
  out.finished = row.finished_at;
  out.logs = logs;
  if (row.result == nullptr) return out;
  out.error_message = text_of(row.result->error, "message");
  out.cpu_ms = row.result->cpu_milliseconds.value_or(0);
  out.peak_rss_bytes = row.result->peak_rss_bytes.value_or(0);
  if (!row.result->error.empty()) out.extra = json::object{{"error", row.result->error}};
  return out;
}

metadata::EventRow to_store(const pipeline::RunEvent& event, const RunId& run) {
  return {event.sequence, event.time, std::string(pipeline::run_event_name(event.type)), event.to_json(run)};
}

metadata::RunUpdate to_update(const pipeline::RunRow& row) {
  metadata::RunUpdate update;
  update.state = metadata::parse_run_state(pipeline::run_state_name(row.state));
  update.started = row.started_at;
  update.finished = row.finished_at;
  if (row.outputs != nullptr) update.outputs = *row.outputs;
  if (row.error != nullptr) update.error = text_of(*row.error, "message");
  update.machine_version = row.machine_version;
  json::object state{{"next", row.next_sequence}, {"active_ms", row.active.count()}};
  if (row.stop_reason != pipeline::StopReason::none) state["stop"] = pipeline::stop_reason_name(row.stop_reason);
  if (row.stop_level != 0) state["level"] = row.stop_level;
  if (row.resumes != 0) state["resumes"] = row.resumes;
  if (row.error != nullptr) state["error"] = *row.error;
  update.machine_state = std::move(state);
  return update;
}

Result<pipeline::RunRow> from_store(const metadata::RunRow& row) {
  pipeline::RunRow out;
  out.run = row.id;
  out.pipeline = row.pipeline;
  out.state = pipeline::parse_run_state(metadata::run_state_name(row.state)).value_or(pipeline::RunState::running);
  out.machine_version = row.machine_version;
  out.started_at = row.started.value_or(row.created);
  out.finished_at = row.finished;
  out.parameters = std::make_shared<const json::object>(object_of(row.parameters));
  out.document_digest = row.document_digest;
  const json::object own = object_of(row.machine_state);
  out.next_sequence = number_of(own, "next", 1);
  out.active = pipeline::Duration(number_of(own, "active_ms", 0));
  if (const std::string stop = text_of(own, "stop"); !stop.empty()) {
    const auto reason = pipeline::parse_stop_reason(stop);
    if (!reason) return damaged("stop reason", stop);
    out.stop_reason = *reason;
  }
  out.stop_level = static_cast<int>(number_of(own, "level", 0));
  out.resumes = static_cast<int>(number_of(own, "resumes", 0));
  if (const json::value* error = own.if_contains("error"))
    out.error = std::make_shared<json::object>(object_of(*error));
  if (row.outputs.is_object()) out.outputs = std::make_shared<json::object>(row.outputs.get_object());
  return out;
}

std::vector<metadata::ArtifactRow> artifact_rows(const pipeline::StepRow& row, const RunId& run,
                                                 const PipelineName& pipeline, WallTime now) {
  std::vector<metadata::ArtifactRow> rows;
  if (row.result == nullptr || row.kind != pipeline::InstanceKind::leaf) return rows;
  for (const auto& [output, record] : row.result->outputs) {
    const json::value* found = record.is_object() ? record.get_object().if_contains("artifact") : nullptr;
    if (found == nullptr || !found->is_object()) continue;
    const json::object& artifact = found->get_object();
    metadata::ArtifactRow& out = rows.emplace_back();
    out.run = run;
    out.path = row.path;
    out.attempt = row.attempt;
    out.output = output;
    out.pipeline = pipeline;
    out.uri = text_of(artifact, "uri");
    out.type = text_of(artifact, "type");
    out.materializer = text_of(artifact, "class");
    out.digest = text_of(artifact, "digest");
    out.identity = text_of(artifact, "identity");
    out.bytes = number_of(artifact, "bytes", 0);
    if (artifact.contains("rows")) out.rows = number_of(artifact, "rows", 0);
    out.created = now;
  }
  return rows;
}

}  // namespace stoker::engine
