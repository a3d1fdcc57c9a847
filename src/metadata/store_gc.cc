// Digests of files, and what gc needs to know.
#include <chrono>

#include "metadata/store_parts.h"

namespace stoker::metadata {

namespace {

// Coarser than the clock of any file system in use (FAT: two seconds).
constexpr std::chrono::milliseconds kStampResolution{2000};

bool could_hide_a_change(const runtime::FileStamp& stamp, WallTime hashed_at) {
  const auto latest = std::chrono::nanoseconds(std::max(stamp.modified_ns, stamp.changed_ns));
  return hashed_at.time_since_epoch() - latest < kStampResolution;
}

Result<void> delete_planned(Database& database, const RetentionPlan& plan, Needed& needed) {
  TRY_ASSIGN(auto run, database.prepare("DELETE FROM runs WHERE id = ?"));
  for (const auto& id : plan.runs) {
    TRY(run.again().bind(id.str()).run());
    needed.runs_deleted += database.changes();
  }
  TRY_ASSIGN(auto entry, database.prepare("DELETE FROM cache WHERE key = ? AND variant = ? AND "
                                          "max(created, coalesce(last_hit, created)) <= ?"));
  for (const auto& fact : plan.cache) {
    TRY(entry.again().bind(fact.key).bind(fact.variant).bind(fact.last_used).run());
    needed.cache_entries_deleted += database.changes();
  }
  TRY(database.execute("DELETE FROM documents WHERE digest NOT IN (SELECT document FROM runs)"));
  // An artifact of a run that is kept stays listed even when no later step took it.
  return database.execute(
      "DELETE FROM artifacts WHERE run NOT IN (SELECT id FROM runs) "
      "AND uri NOT IN (SELECT uri FROM run_uses) AND uri NOT IN (SELECT uri FROM cache_uses)");
}

Result<void> read_needed(Database& database, Needed& needed) {
  TRY_ASSIGN(
      auto uses,
      database.prepare("SELECT uri FROM run_uses UNION SELECT uri FROM cache_uses UNION SELECT uri FROM artifacts"));
  for (;;) {
    TRY_ASSIGN(const bool more, uses.step());
    if (!more) break;
    needed.artifacts.insert(uses.text(0));
  }
  TRY_ASSIGN(auto runs, database.prepare("SELECT id, state, epoch FROM runs"));
  for (;;) {
    TRY_ASSIGN(const bool more, runs.step());
    if (!more) break;
    const auto state = parse_run_state(runs.text(1)).value_or(RunState::running);
    needed.runs.emplace(RunId(runs.text(0)), Needed::Run{.state = state, .epoch = runs.integer(2)});
  }
  return {};
}

}  // namespace

Result<std::optional<std::string>> Store::find_digest(const runtime::FileStamp& stamp) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  TRY_ASSIGN(auto statement,
             reader->prepare("SELECT digest FROM digests WHERE device = ? AND inode = ? AND size = ? AND "
                             "modified_ns = ? AND changed_ns = ?"));
  statement.bind(static_cast<std::int64_t>(stamp.device)).bind(static_cast<std::int64_t>(stamp.inode));
  statement.bind(static_cast<std::int64_t>(stamp.size)).bind(stamp.modified_ns).bind(stamp.changed_ns);
  TRY_ASSIGN(const bool found, statement.step());
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(statement.text(0));
}

Result<void> Store::note_digests(std::span<const DigestNote> notes, WallTime hashed_at) {
  std::vector<const DigestNote*> sure;
  for (const auto& note : notes) {
    if (!could_hide_a_change(note.stamp, hashed_at)) sure.push_back(&note);
  }
  if (sure.empty()) return {};
  return parts_->write([&](Database& database) -> Result<void> {
    TRY_ASSIGN(auto insert,
               database.prepare("INSERT OR REPLACE INTO digests (device, inode, size, modified_ns, changed_ns, "
                                "digest, noted) VALUES (?, ?, ?, ?, ?, ?, ?)"));
    for (const auto* note : sure) {
      const auto& stamp = note->stamp;
      insert.again().bind(static_cast<std::int64_t>(stamp.device)).bind(static_cast<std::int64_t>(stamp.inode));
      insert.bind(static_cast<std::int64_t>(stamp.size)).bind(stamp.modified_ns).bind(stamp.changed_ns);
      TRY(insert.bind(note->digest).bind(hashed_at).run());
    }
    return {};
  });
}

Result<RetentionFacts> Store::retention_facts() {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  RetentionFacts facts;
  TRY_ASSIGN(auto runs, reader->prepare("SELECT id, pipeline, state, created, finished FROM runs"));
  TRY_ASSIGN(facts.runs, collect<RunFact>(runs, [](const Statement& row) -> Result<RunFact> {
               return RunFact{.id = RunId(row.text(0)),
                              .pipeline = PipelineName(row.text(1)),
                              .state = parse_run_state(row.text(2)).value_or(RunState::running),
                              .created = row.time(3),
                              .finished = row.optional_time(4)};
             }));
  TRY_ASSIGN(auto cache, reader->prepare("SELECT key, variant, max(created, coalesce(last_hit, created)) FROM cache"));
  TRY_ASSIGN(facts.cache, collect<CacheFact>(cache, [](const Statement& row) -> Result<CacheFact> {
               return CacheFact{.key = row.text(0), .variant = row.text(1), .last_used = row.time(2)};
             }));
  return facts;
}

Result<Needed> Store::apply_retention(const RetentionPlan& plan, bool dry_run) {
  Needed needed;
  const Error rolled_back{.code = ErrorCode::cancelled, .message = "dry run"};
  auto applied = parts_->write([&](Database& database) -> Result<void> {
    TRY(delete_planned(database, plan, needed));
    TRY_ASSIGN(auto prune, database.prepare("DELETE FROM digests WHERE noted < "
                                            "(SELECT noted FROM digests ORDER BY noted DESC LIMIT 1 OFFSET ?)"));
    TRY(prune.bind(kMaximumDigests).run());
    TRY(read_needed(database, needed));
    if (dry_run) return rolled_back;
    return {};
  });
  if (!applied.ok() && !(dry_run && applied.error() == rolled_back)) return std::move(applied).error();
  return needed;
}

}  // namespace stoker::metadata
