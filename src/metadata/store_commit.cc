// The engine's writes: create_run, take_over, commit.
#include <fmt/format.h>

#include "metadata/store_parts.h"

namespace stoker::metadata {

namespace {

Result<void> insert_events(Database& database, std::int64_t run, const std::vector<EventRow>& events) {
  if (events.empty()) return {};
  TRY_ASSIGN(auto insert,
             database.prepare("INSERT INTO events (run, seq, time, type, payload) VALUES (?, ?, ?, ?, ?)"));
  for (const auto& event : events) {
    TRY(insert.again().bind(run).bind(event.seq).bind(event.time).bind(event.type).bind(event.payload).run());
  }
  return {};
}

Result<void> upsert_steps(Database& database, std::int64_t run, const std::vector<StepRow>& steps) {
  if (steps.empty()) return {};
  TRY_ASSIGN(auto insert,
             database.prepare(
                 "INSERT OR REPLACE INTO steps (run, path, name, state, attempts, cached, started, finished, cpu_ms, "
                 "peak_rss_bytes, cache_key, error_class, error_message, reason, logs, machine_version, cache, "
                 "inputs, outputs, metrics, error, machine_state) "
                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  for (const auto& step : steps) {
    insert.again().bind(run).bind(step.path.str()).bind(step.name.str()).bind(step.state).bind(step.attempts);
    insert.bind(step.cached).bind(step.started).bind(step.finished).bind(step.cpu_ms).bind(step.peak_rss_bytes);
    insert.bind(step.cache_key).bind(step.error_class).bind(step.error_message).bind(step.reason).bind(step.logs);
    insert.bind(step.machine_version).bind(step.cache).bind(step.inputs).bind(step.outputs).bind(step.metrics);
    TRY(insert.bind(step.error).bind(step.machine_state).run());
    TRY(insert_run_use(database, run, step.outputs));
  }
  return {};
}

Result<void> upsert_attempts(Database& database, std::int64_t run, const std::vector<AttemptRow>& attempts) {
  if (attempts.empty()) return {};
  TRY_ASSIGN(auto insert,
             database.prepare("INSERT OR REPLACE INTO attempts (run, path, attempt, state, pid, pid_start_time, "
                              "boot_id, failure_class, error_message, started, finished, cpu_ms, peak_rss_bytes, "
                              "logs, extra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  for (const auto& attempt : attempts) {
    insert.again().bind(run).bind(attempt.path.str()).bind(attempt.attempt).bind(attempt.state).bind(attempt.pid);
    insert.bind(attempt.pid_start_time).bind(attempt.boot_id).bind(attempt.failure_class).bind(attempt.error_message);
    insert.bind(attempt.started).bind(attempt.finished).bind(attempt.cpu_ms).bind(attempt.peak_rss_bytes);
    TRY(insert.bind(attempt.logs).bind(attempt.extra).run());
  }
  return {};
}

Result<void> update_run(Database& database, std::int64_t run, const RunUpdate& update) {
  TRY_ASSIGN(
      auto statement,
      database.prepare("UPDATE runs SET state = coalesce(?, state), started = coalesce(?, started), "
                       "finished = coalesce(?, finished), outputs = coalesce(?, outputs), error = coalesce(?, error), "
                       "machine_version = coalesce(?, machine_version), machine_state = coalesce(?, machine_state) "
                       "WHERE number = ?"));
  std::optional<std::string> state;
  if (update.state) state = run_state_name(*update.state);
  statement.bind(state).bind(update.started).bind(update.finished).bind(update.outputs).bind(update.error);
  TRY(statement.bind(update.machine_version).bind(update.machine_state).bind(run).run());
  if (update.outputs) TRY(insert_run_use(database, run, *update.outputs));
  return {};
}

Result<void> apply(Database& database, const RunId& run, Epoch epoch, const Batch& batch) {
  TRY_ASSIGN(const auto number, fenced_run_number(database, run, epoch));
  TRY(insert_events(database, number, batch.events));
  TRY(upsert_steps(database, number, batch.steps));
  TRY(upsert_attempts(database, number, batch.attempts));
  if (batch.run) TRY(update_run(database, number, *batch.run));
  for (const auto& artifact : batch.artifacts)
    TRY(insert_artifact(database, artifact));
  for (const auto& entry : batch.cache_entries)
    TRY(insert_cache_entry(database, entry));
  return {};
}

Result<void> insert_run(Database& database, const RunRow& run) {
  TRY_ASSIGN(auto known, database.prepare("SELECT 1 FROM runs WHERE id = ?"));
  TRY_ASSIGN(const bool exists, known.bind(run.id.str()).step());
  if (exists)
    return Error{.code = ErrorCode::already_exists, .message = fmt::format("the run {} exists", run.id.str())};

  TRY_ASSIGN(auto document,
             database.prepare("INSERT INTO documents (digest, body) VALUES (?, ?) ON CONFLICT DO NOTHING"));
  TRY(document.bind(run.document_digest).bind(codec::write_json(run.document)).run());
  TRY_ASSIGN(auto insert,
             database.prepare(
                 "INSERT INTO runs (id, pipeline, experiment, state, epoch, owner, created, started, finished, error, "
                 "project_root, interpreter, document, machine_version, parameters, outputs, machine_state, extra) "
                 "VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number"));
  insert.bind(run.id.str())
      .bind(run.pipeline.str())
      .bind(run.experiment)
      .bind(run_state_name(run.state))
      .bind(run.owner);
  insert.bind(run.created).bind(run.started).bind(run.finished).bind(run.error).bind(run.project_root);
  insert.bind(run.interpreter)
      .bind(run.document_digest)
      .bind(run.machine_version)
      .bind(run.parameters)
      .bind(run.outputs);
  TRY(insert.bind(run.machine_state).bind(run.extra).step());
  const auto number = insert.integer(0);
  return insert_run_use(database, number, run.parameters);
}

}  // namespace

Result<std::int64_t> fenced_run_number(Database& database, const RunId& run, Epoch epoch) {
  TRY_ASSIGN(auto statement, database.prepare("SELECT number, epoch, owner FROM runs WHERE id = ?"));
  TRY_ASSIGN(const bool found, statement.bind(run.str()).step());
  if (!found) {
    return Error{.code = ErrorCode::conflict, .message = fmt::format("the run {} was deleted meanwhile", run.str())};
  }
  if (statement.integer(1) != epoch) {
    return Error{.code = ErrorCode::conflict,
                 .message = fmt::format("the run {} was taken over by {}", run.str(), statement.text(2)),
                 .hint = fmt::format("follow it with `stoker runs show {}`", run.str())};
  }
  return statement.integer(0);
}

void collect_artifact_uris(const json::value& value, std::vector<std::string>& uris) {
  if (const auto* list = value.if_array()) {
    for (const auto& item : *list)
      collect_artifact_uris(item, uris);
    return;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return;
  for (const auto& [key, member] : *object) {
    if (key == "$artifact" || key == "artifact") {
      if (const auto* artifact = member.if_object()) {
        if (const auto* uri = artifact->if_contains("uri"); uri != nullptr && uri->is_string()) {
          uris.emplace_back(uri->get_string());
        }
      }
    }
    collect_artifact_uris(member, uris);
  }
}

Result<void> insert_run_use(Database& database, std::int64_t run, const json::value& value) {
  std::vector<std::string> uris;
  collect_artifact_uris(value, uris);
  if (uris.empty()) return {};
  TRY_ASSIGN(auto insert, database.prepare("INSERT INTO run_uses (run, uri) VALUES (?, ?) ON CONFLICT DO NOTHING"));
  for (const auto& uri : uris)
    TRY(insert.again().bind(run).bind(uri).run());
  return {};
}

Result<Epoch> Store::create_run(const RunRow& run) {
  auto written = parts_->write([&](Database& database) { return insert_run(database, run); });
  TRY(std::move(written));
  return Epoch{1};
}

Result<Epoch> Store::take_over(const RunId& run, const std::string& owner) {
  Epoch epoch = 0;
  auto written = parts_->write(
      [&](Database& database) -> Result<void> {
        TRY_ASSIGN(auto statement, database.prepare("UPDATE runs SET epoch = epoch + 1, owner = ?, state = 'running', "
                                                    "finished = NULL, error = '', cancel_requested = NULL "
                                                    "WHERE id = ? RETURNING epoch"));
        TRY_ASSIGN(const bool found, statement.bind(owner).bind(run.str()).step());
        if (!found) return Error{.code = ErrorCode::not_found, .message = fmt::format("there is no run {}", run.str())};
        epoch = statement.integer(0);
        return {};
      },
      Durability::power_loss);
  TRY(std::move(written));
  return epoch;
}

Result<void> Store::commit(const RunId& run, Epoch epoch, Batch batch) {
  const auto durability = batch.durability;
  return parts_->write([&](Database& database) { return apply(database, run, epoch, batch); }, durability);
}

void Store::commit_async(const RunId& run, Epoch epoch, Batch batch, std::function<void(Result<void>)> done) {
  if (parts_->options.read_only) {
    done(Error{.code = ErrorCode::permission, .message = "the store was opened for reading only"});
    return;
  }
  const auto durability = batch.durability;
  parts_->writer.submit([run, epoch, batch = std::make_shared<const Batch>(std::move(batch))](
                            Database& database) { return apply(database, run, epoch, *batch); },
                        durability, std::move(done));
}

}  // namespace stoker::metadata
