// The cache of step results and the table of artifacts.
#include <fmt/format.h>

#include "metadata/store_parts.h"

namespace stoker::metadata {

namespace {

constexpr std::string_view kCacheColumns =
    "key, variant, pipeline, step, path, run, attempt, created, last_hit, hits, outputs, metrics, parts, observed";

Result<CacheEntry> read_entry(const Statement& row) {
  CacheEntry entry;
  entry.key = row.text(0);
  entry.variant = row.text(1);
  entry.pipeline = PipelineName(row.text(2));
  entry.step = StepName(row.text(3));
  entry.path = StepPath(row.text(4));
  entry.run = RunId(row.text(5));
  entry.attempt = static_cast<int>(row.integer(6));
  entry.created = row.time(7);
  entry.last_hit = row.optional_time(8);
  entry.hits = row.integer(9);
  TRY_ASSIGN(entry.outputs, row.document(10));
  TRY_ASSIGN(entry.metrics, row.document(11));
  TRY_ASSIGN(entry.parts, row.document(12));
  TRY_ASSIGN(entry.observed, row.document(13));
  return entry;
}

std::string cache_where(const CacheFilter& filter) {
  std::string where = "1";
  if (!filter.key.empty()) where += " AND substr(key, 1, length(?)) = ?";
  if (!filter.pipeline.empty()) where += " AND pipeline = ?";
  if (!filter.step.empty()) where += " AND (step = ? OR path = ?)";
  return where;
}

void bind_cache_filter(Statement& statement, const CacheFilter& filter) {
  if (!filter.key.empty()) statement.bind(filter.key).bind(filter.key);
  if (!filter.pipeline.empty()) statement.bind(filter.pipeline);
  if (!filter.step.empty()) statement.bind(filter.step).bind(filter.step);
}

constexpr std::string_view kArtifactColumns =
    "uri, run, path, attempt, output, pipeline, type, materializer, digest, identity, bytes, rows, created";

Result<ArtifactRow> read_artifact(const Statement& row) {
  ArtifactRow artifact;
  artifact.uri = row.text(0);
  artifact.run = RunId(row.text(1));
  artifact.path = StepPath(row.text(2));
  artifact.attempt = static_cast<int>(row.integer(3));
  artifact.output = row.text(4);
  artifact.pipeline = PipelineName(row.text(5));
  artifact.type = row.text(6);
  artifact.materializer = row.text(7);
  artifact.digest = row.text(8);
  artifact.identity = row.text(9);
  artifact.bytes = row.integer(10);
  artifact.rows = row.optional_integer(11);
  artifact.created = row.time(12);
  return artifact;
}

}  // namespace

Result<void> insert_cache_entry(Database& database, const CacheEntry& entry) {
  // Not REPLACE: that would take the hits with it, and the uses through the cascade.
  TRY_ASSIGN(auto insert,
             database.prepare(fmt::format(
                 "INSERT INTO cache ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                 "ON CONFLICT (key, variant) DO UPDATE SET pipeline = excluded.pipeline, step = excluded.step, "
                 "path = excluded.path, run = excluded.run, attempt = excluded.attempt, created = excluded.created, "
                 "outputs = excluded.outputs, metrics = excluded.metrics, parts = excluded.parts, "
                 "observed = excluded.observed",
                 kCacheColumns)));
  insert.bind(entry.key).bind(entry.variant).bind(entry.pipeline.str()).bind(entry.step.str()).bind(entry.path.str());
  insert.bind(entry.run.str()).bind(entry.attempt).bind(entry.created).bind(entry.last_hit).bind(entry.hits);
  TRY(insert.bind(entry.outputs).bind(entry.metrics).bind(entry.parts).bind(entry.observed).run());

  TRY_ASSIGN(auto forget, database.prepare("DELETE FROM cache_uses WHERE key = ? AND variant = ?"));
  TRY(forget.bind(entry.key).bind(entry.variant).run());
  std::vector<std::string> uris;
  collect_artifact_uris(entry.outputs, uris);
  TRY_ASSIGN(auto use,
             database.prepare("INSERT INTO cache_uses (key, variant, uri) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"));
  for (const auto& uri : uris)
    TRY(use.again().bind(entry.key).bind(entry.variant).bind(uri).run());

  TRY_ASSIGN(auto prune,
             database.prepare("DELETE FROM cache WHERE key = ?1 AND variant NOT IN "
                              "(SELECT variant FROM cache WHERE key = ?1 ORDER BY created DESC, variant LIMIT ?2)"));
  return prune.bind(entry.key).bind(kMaximumCacheVariants).run();
}

Result<void> insert_artifact(Database& database, const ArtifactRow& artifact) {
  TRY_ASSIGN(auto insert, database.prepare(fmt::format("INSERT OR REPLACE INTO artifacts ({}) "
                                                       "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                                       kArtifactColumns)));
  insert.bind(artifact.uri)
      .bind(artifact.run.str())
      .bind(artifact.path.str())
      .bind(artifact.attempt)
      .bind(artifact.output);
  insert.bind(artifact.pipeline.str()).bind(artifact.type).bind(artifact.materializer).bind(artifact.digest);
  return insert.bind(artifact.identity).bind(artifact.bytes).bind(artifact.rows).bind(artifact.created).run();
}

Result<std::vector<CacheEntry>> Store::find_cached(const std::string& key, std::optional<WallTime> not_before) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  TRY_ASSIGN(auto statement,
             reader->prepare(fmt::format("SELECT {} FROM cache WHERE key = ? AND created >= coalesce(?, created) "
                                         "ORDER BY created DESC, variant",
                                         kCacheColumns)));
  statement.bind(key).bind(not_before);
  return collect<CacheEntry>(statement, read_entry);
}

Result<bool> Store::claim_cached(const CacheEntry& entry, const RunId& run, Epoch epoch, WallTime now) {
  bool there = false;
  auto written = parts_->write([&](Database& database) -> Result<void> {
    TRY_ASSIGN(const auto number, fenced_run_number(database, run, epoch));
    TRY_ASSIGN(auto hit,
               database.prepare("UPDATE cache SET hits = hits + 1, last_hit = ? WHERE key = ? AND variant = ? "
                                "AND run = ? AND attempt = ?"));
    TRY(hit.bind(now).bind(entry.key).bind(entry.variant).bind(entry.run.str()).bind(entry.attempt).run());
    there = database.changes() > 0;
    if (!there) return {};
    return insert_run_use(database, number, entry.outputs);
  });
  TRY(std::move(written));
  return there;
}

Result<void> Store::put_cached(const CacheEntry& entry) {
  return parts_->write([&](Database& database) { return insert_cache_entry(database, entry); });
}

Result<std::vector<CacheEntry>> Store::list_cached(const CacheFilter& filter) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  TRY_ASSIGN(auto statement,
             reader->prepare(fmt::format("SELECT {} FROM cache WHERE {} ORDER BY created DESC, key, variant LIMIT ?",
                                         kCacheColumns, cache_where(filter))));
  bind_cache_filter(statement, filter);
  statement.bind(filter.limit > 0 ? filter.limit : -1);
  return collect<CacheEntry>(statement, read_entry);
}

Result<std::optional<CacheEntry>> Store::last_cached(const PipelineName& pipeline, const StepPath& path) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  TRY_ASSIGN(auto statement, reader->prepare(fmt::format("SELECT {} FROM cache WHERE pipeline = ? AND path = ? "
                                                         "ORDER BY created DESC LIMIT 1",
                                                         kCacheColumns)));
  TRY_ASSIGN(const bool found, statement.bind(pipeline.str()).bind(path.str()).step());
  if (!found) return std::optional<CacheEntry>();
  TRY_ASSIGN(auto entry, read_entry(statement));
  return std::optional<CacheEntry>(std::move(entry));
}

Result<std::int64_t> Store::invalidate_cached(const CacheFilter& filter) {
  std::int64_t gone = 0;
  auto written = parts_->write([&](Database& database) -> Result<void> {
    TRY_ASSIGN(auto statement, database.prepare(fmt::format("DELETE FROM cache WHERE {}", cache_where(filter))));
    bind_cache_filter(statement, filter);
    TRY(statement.run());
    gone = database.changes();
    return {};
  });
  TRY(std::move(written));
  return gone;
}

Result<std::vector<ArtifactRow>> Store::list_artifacts(const ArtifactFilter& filter) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  std::string where = "1";
  if (filter.run) where += " AND run = ?";
  if (!filter.pipeline.empty()) where += " AND pipeline = ?";
  if (!filter.step.empty()) where += " AND path = ?";
  if (!filter.type.empty()) where += " AND type = ?";
  TRY_ASSIGN(auto statement, reader->prepare(fmt::format("SELECT {} FROM artifacts WHERE {} "
                                                         "ORDER BY created DESC, uri LIMIT ?",
                                                         kArtifactColumns, where)));
  if (filter.run) statement.bind(filter.run->str());
  if (!filter.pipeline.empty()) statement.bind(filter.pipeline);
  if (!filter.step.empty()) statement.bind(filter.step);
  if (!filter.type.empty()) statement.bind(filter.type);
  statement.bind(filter.limit > 0 ? filter.limit : -1);
  return collect<ArtifactRow>(statement, read_artifact);
}

Result<std::optional<ArtifactRow>> Store::find_artifact(const std::string& uri) {
  TRY_ASSIGN(auto reader, parts_->readers.take());
  TRY_ASSIGN(auto statement, reader->prepare(fmt::format("SELECT {} FROM artifacts WHERE uri = ?", kArtifactColumns)));
  TRY_ASSIGN(const bool found, statement.bind(uri).step());
  if (!found) return std::optional<ArtifactRow>();
  TRY_ASSIGN(auto artifact, read_artifact(statement));
  return std::optional<ArtifactRow>(std::move(artifact));
}

}  // namespace stoker::metadata
