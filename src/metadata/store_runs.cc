// Reads of runs, steps, attempts and events, and the writes that need no epoch.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "metadata/store_parts.h"

namespace stoker::metadata {

namespace {

// Ids named in a message about an ambiguous one.
constexpr int kCandidatesNamed = 5;
// Ids compared for "did you mean".
constexpr int kNearIdsLimit = 1000;

Error no_such_run(const RunId& run) {
  return Error{.code = ErrorCode::not_found,
               .message = fmt::format("there is no run {}", run.str()),
               .hint = "`stoker runs list` shows the runs of this store"};
}

Result<RunState> read_state(const Statement& row, int column) {
  const auto state = parse_run_state(row.text(column));
  if (!state)
    return Error{.code = ErrorCode::corrupt,
                 .message = fmt::format("the run state \"{}\" is unknown", row.text(column))};
  return *state;
}

constexpr std::string_view kStepColumns =
    "path, name, state, attempts, cached, started, finished, cpu_ms, peak_rss_bytes, cache_key, error_class, "
    "error_message, "
    "reason, logs, machine_version, cache, inputs, outputs, metrics, error, machine_state";

Result<StepRow> read_step(const Statement& row) {
  StepRow step;
  step.path = StepPath(row.text(0));
  step.name = StepName(row.text(1));
  step.state = row.text(2);
  step.attempts = static_cast<int>(row.integer(3));
  step.cached = row.integer(4) != 0;
  step.started = row.optional_time(5);
  step.finished = row.optional_time(6);
  step.cpu_ms = row.integer(7);
  step.peak_rss_bytes = row.integer(8);
  step.cache_key = row.text(9);
  step.error_class = row.text(10);
  step.error_message = row.text(11);
  step.reason = row.text(12);
  step.logs = row.text(13);
  step.machine_version = static_cast<int>(row.integer(14));
  TRY_ASSIGN(step.cache, row.document(15));
  TRY_ASSIGN(step.inputs, row.document(16));
  TRY_ASSIGN(step.outputs, row.document(17));
  TRY_ASSIGN(step.metrics, row.document(18));
  TRY_ASSIGN(step.error, row.document(19));
  TRY_ASSIGN(step.machine_state, row.document(20));
  return step;
}

Result<AttemptRow> read_attempt(const Statement& row) {
  AttemptRow attempt;
  attempt.path = StepPath(row.text(0));
  attempt.attempt = static_cast<int>(row.integer(1));
  attempt.state = row.text(2);
  attempt.pid = row.integer(3);
  attempt.pid_start_time = row.integer(4);
  attempt.boot_id = row.text(5);
  attempt.failure_class = row.text(6);
  attempt.error_message = row.text(7);
  attempt.started = row.optional_time(8);
  attempt.finished = row.optional_time(9);
  attempt.cpu_ms = row.integer(10);
  attempt.peak_rss_bytes = row.integer(11);
  attempt.logs = row.text(12);
  TRY_ASSIGN(attempt.extra, row.document(13));
  return attempt;
}

Result<RunSummary> read_summary(const Statement& row) {
  RunSummary run;
  run.id = RunId(row.text(0));
  run.pipeline = PipelineName(row.text(1));
  run.experiment = row.text(2);
  TRY_ASSIGN(run.state, read_state(row, 3));
  run.created = row.time(4);
  run.started = row.optional_time(5);
  run.finished = row.optional_time(6);
  run.error = row.text(7);
  return run;
}

Result<void> count_steps(Database& database, std::vector<RunSummary>& runs) {
  TRY_ASSIGN(auto count, database.prepare("SELECT state, count(*), sum(cached) FROM steps "
                                          "WHERE run = (SELECT number FROM runs WHERE id = ?) GROUP BY state"));
  for (auto& run : runs) {
    count.again().bind(run.id.str());
    for (;;) {
      TRY_ASSIGN(const bool more, count.step());
      if (!more) break;
      run.steps_by_state[count.text(0)] = count.integer(1);
      run.steps += count.integer(1);
      run.steps_cached += count.integer(2);
    }
  }
  return {};
}

Result<std::vector<RunId>> matching_ids(Database& database, std::string_view where, const std::string& text,
                                        int limit) {
  TRY_ASSIGN(auto statement,
             database.prepare(fmt::format("SELECT id FROM runs WHERE {} ORDER BY created DESC LIMIT ?", where)));
  statement.bind(text).bind(limit);
  return collect<RunId>(statement, [](const Statement& row) -> Result<RunId> { return RunId(row.text(0)); });
}

Error ambiguous(const std::string& text, const std::vector<RunId>& matches) {
  std::vector<std::string> names;
  for (const auto& match : matches)
    names.push_back(match.str());
  return Error{.code = ErrorCode::invalid_value,
               .message = fmt::format("\"{}\" fits several runs: {}{}", text, join(names, ", "),
                                      matches.size() == kCandidatesNamed ? ", …" : ""),
               .hint = "give more characters of the run's id"};
}

}  // namespace

Result<std::int64_t> run_number(Database& database, const RunId& run) {
  TRY_ASSIGN(auto statement, database.prepare("SELECT number FROM runs WHERE id = ?"));
  TRY_ASSIGN(const bool found, statement.bind(run.str()).step());
  if (!found) return no_such_run(run);
  return statement.integer(0);
}

Result<RunRow> Store::load_run(const RunId& id) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  TRY_ASSIGN(auto row, reader->prepare(
                           "SELECT pipeline, experiment, state, epoch, owner, created, started, finished, "
                           "cancel_requested, error, project_root, interpreter, document, machine_version, parameters, "
                           "outputs, machine_state, extra, body "
                           "FROM runs JOIN documents ON digest = document WHERE id = ?"));
  TRY_ASSIGN(const bool found, row.bind(id.str()).step());
  if (!found) return no_such_run(id);
  RunRow run;
  run.id = id;
  run.pipeline = PipelineName(row.text(0));
  run.experiment = row.text(1);
  TRY_ASSIGN(run.state, read_state(row, 2));
  run.epoch = row.integer(3);
  run.owner = row.text(4);
  run.created = row.time(5);
  run.started = row.optional_time(6);
  run.finished = row.optional_time(7);
  run.cancel_requested = row.optional_time(8);
  run.error = row.text(9);
  run.project_root = row.text(10);
  run.interpreter = row.text(11);
  run.document_digest = row.text(12);
  run.machine_version = static_cast<int>(row.integer(13));
  TRY_ASSIGN(run.parameters, row.document(14));
  TRY_ASSIGN(run.outputs, row.document(15));
  TRY_ASSIGN(run.machine_state, row.document(16));
  TRY_ASSIGN(run.extra, row.document(17));
  TRY_ASSIGN(run.document, row.document(18));
  return run;
}

Result<void> Store::for_each_step(const RunId& run, const std::function<void(StepRow)>& visit) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  TRY_ASSIGN(const auto number, run_number(*reader, run));
  TRY_ASSIGN(auto statement,
             reader->prepare(fmt::format("SELECT {} FROM steps WHERE run = ? ORDER BY path", kStepColumns)));
  statement.bind(number);
  for (;;) {
    TRY_ASSIGN(const bool more, statement.step());
    if (!more) return {};
    TRY_ASSIGN(auto step, read_step(statement));
    visit(std::move(step));
  }
}

Result<std::vector<StepRow>> Store::load_steps(const RunId& run) {
  std::vector<StepRow> steps;
  TRY(for_each_step(run, [&](StepRow step) { steps.push_back(std::move(step)); }));
  return steps;
}

Result<StepRow> Store::load_step(const RunId& run, const StepPath& path) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  TRY_ASSIGN(const auto number, run_number(*reader, run));
  TRY_ASSIGN(auto statement,
             reader->prepare(fmt::format("SELECT {} FROM steps WHERE run = ? AND path = ?", kStepColumns)));
  TRY_ASSIGN(const bool found, statement.bind(number).bind(path.str()).step());
  if (found) return read_step(statement);
  return Error{.code = ErrorCode::not_found,
               .message = fmt::format("the run {} has no step {}", run.str(), path.str()),
               .hint = fmt::format("`stoker runs show {}` shows its steps", run.str())};
}

Result<std::vector<AttemptRow>> Store::load_attempts(const RunId& run) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  TRY_ASSIGN(const auto number, run_number(*reader, run));
  TRY_ASSIGN(auto statement,
             reader->prepare(
                 "SELECT path, attempt, state, pid, pid_start_time, boot_id, failure_class, error_message, started, "
                 "finished, cpu_ms, peak_rss_bytes, logs, extra FROM attempts WHERE run = ? ORDER BY path, attempt"));
  statement.bind(number);
  return collect<AttemptRow>(statement, read_attempt);
}

Result<std::vector<EventRow>> Store::events(const RunId& run, std::int64_t from_seq, int limit) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  TRY_ASSIGN(const auto number, run_number(*reader, run));
  TRY_ASSIGN(auto statement, reader->prepare("SELECT seq, time, type, payload FROM events WHERE run = ? AND seq >= ? "
                                             "ORDER BY seq LIMIT ?"));
  statement.bind(number).bind(from_seq).bind(limit > 0 ? limit : -1);
  return collect<EventRow>(statement, [](const Statement& row) -> Result<EventRow> {
    EventRow event{.seq = row.integer(0), .time = row.time(1), .type = row.text(2)};
    TRY_ASSIGN(event.payload, row.document(3));
    return event;
  });
}

Result<std::int64_t> Store::last_event(const RunId& run) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  TRY_ASSIGN(const auto number, run_number(*reader, run));
  TRY_ASSIGN(auto statement, reader->prepare("SELECT coalesce(max(seq), 0) FROM events WHERE run = ?"));
  TRY(statement.bind(number).step());
  return statement.integer(0);
}

Result<std::vector<RunSummary>> Store::list_runs(const RunFilter& filter) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  std::string where = "1";
  if (!filter.pipeline.empty()) where += " AND pipeline = ?";
  if (!filter.experiment.empty()) where += " AND experiment = ?";
  if (filter.state) where += " AND state = ?";
  if (filter.created_after) where += " AND created > ?";
  if (!filter.id_prefix.empty()) where += " AND substr(id, 1, length(?)) = ?";
  if (filter.older_than) where += " AND (created, id) < (SELECT created, id FROM runs WHERE id = ?)";
  TRY_ASSIGN(auto statement, reader->prepare(fmt::format(
                                 "SELECT id, pipeline, experiment, state, created, started, finished, error FROM runs "
                                 "WHERE {} ORDER BY created DESC, id DESC LIMIT ?",
                                 where)));
  if (!filter.pipeline.empty()) statement.bind(filter.pipeline);
  if (!filter.experiment.empty()) statement.bind(filter.experiment);
  if (filter.state) statement.bind(run_state_name(*filter.state));
  if (filter.created_after) statement.bind(*filter.created_after);
  if (!filter.id_prefix.empty()) statement.bind(filter.id_prefix).bind(filter.id_prefix);
  if (filter.older_than) statement.bind(filter.older_than->str());
  statement.bind(filter.limit > 0 ? filter.limit : -1);
  TRY_ASSIGN(auto runs, collect<RunSummary>(statement, read_summary));
  if (filter.count_steps) TRY(count_steps(*reader, runs));
  return runs;
}

Result<RunId> Store::find_run(const std::string& text) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  // "" would be a prefix of every id.
  if (text.empty()) return no_such_run(RunId(text));
  if (text == "latest") {
    TRY_ASSIGN(const auto newest, matching_ids(*reader, "? = ''", "", 1));
    if (!newest.empty()) return newest.front();
    return Error{
        .code = ErrorCode::not_found, .message = "the store has no run yet", .hint = "`stoker run` starts one"};
  }
  for (const auto* where : {"id = ?", "substr(id, 1, length(?1)) = ?1", "substr(id, -length(?1)) = ?1"}) {
    TRY_ASSIGN(const auto matches, matching_ids(*reader, where, text, kCandidatesNamed));
    if (matches.size() == 1) return matches.front();
    if (!matches.empty()) return ambiguous(text, matches);
  }
  TRY_ASSIGN(const auto known, matching_ids(*reader, "? <> ''", text, kNearIdsLimit));
  std::vector<std::string> names;
  for (const auto& run : known)
    names.push_back(run.str());
  auto error = no_such_run(RunId(text));
  if (const auto suggestion = did_you_mean(text, names); !suggestion.empty())
    error.hint = suggestion + "; " + error.hint;
  return error;
}

Result<void> Store::delete_run(const RunId& run) {
  return parts_->write([&](Database& database) -> Result<void> {
    TRY_ASSIGN(const auto number, run_number(database, run));
    TRY_ASSIGN(auto statement, database.prepare("DELETE FROM runs WHERE number = ?"));
    TRY(statement.bind(number).run());
    return database.execute("DELETE FROM documents WHERE digest NOT IN (SELECT document FROM runs)");
  });
}

Result<bool> Store::request_cancel(const RunId& run, WallTime now) {
  bool running = false;
  auto written = parts_->write([&](Database& database) -> Result<void> {
    TRY_ASSIGN(const auto number, run_number(database, run));
    TRY_ASSIGN(auto statement, database.prepare("UPDATE runs SET cancel_requested = coalesce(cancel_requested, ?) "
                                                "WHERE number = ? AND state = 'running'"));
    TRY(statement.bind(now).bind(number).run());
    running = database.changes() > 0;
    return {};
  });
  TRY(std::move(written));
  return running;
}

}  // namespace stoker::metadata
