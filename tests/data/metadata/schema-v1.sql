CREATE TABLE artifacts (
  uri          TEXT PRIMARY KEY,
  run          TEXT NOT NULL,
  path         TEXT NOT NULL,
  attempt      INTEGER NOT NULL,
  output       TEXT NOT NULL,
  pipeline     TEXT NOT NULL,
  type         TEXT NOT NULL,
  materializer TEXT NOT NULL,
  digest       TEXT NOT NULL,
  identity     TEXT NOT NULL,
  bytes        INTEGER NOT NULL,
  rows         INTEGER,
  created      INTEGER NOT NULL
) STRICT;
CREATE INDEX artifacts_by_created ON artifacts (created);
CREATE INDEX artifacts_by_run ON artifacts (run, path, attempt, output);
CREATE TABLE attempts (
  run            INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
  path           TEXT NOT NULL,
  attempt        INTEGER NOT NULL,
  state          TEXT NOT NULL,
  pid            INTEGER NOT NULL,
  pid_start_time INTEGER NOT NULL,
  boot_id        TEXT NOT NULL,
  failure_class  TEXT NOT NULL,
  error_message  TEXT NOT NULL,
  started        INTEGER,
  finished       INTEGER,
  cpu_ms         INTEGER NOT NULL,
  peak_rss_bytes INTEGER NOT NULL,
  logs           TEXT NOT NULL,
  extra          TEXT,
  PRIMARY KEY (run, path, attempt)
) STRICT, WITHOUT ROWID;
CREATE TABLE cache (
  key      TEXT NOT NULL,
  variant  TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  step     TEXT NOT NULL,
  path     TEXT NOT NULL,
  run      TEXT NOT NULL,
  attempt  INTEGER NOT NULL,
  created  INTEGER NOT NULL,
  last_hit INTEGER,
  hits     INTEGER NOT NULL,
  outputs  TEXT,
  metrics  TEXT,
  parts    TEXT,
  observed TEXT,
  PRIMARY KEY (key, variant)
) STRICT, WITHOUT ROWID;
CREATE INDEX cache_by_created ON cache (created);
CREATE INDEX cache_by_step ON cache (pipeline, path, created);
CREATE TABLE cache_uses (
  key     TEXT NOT NULL,
  variant TEXT NOT NULL,
  uri     TEXT NOT NULL,
  PRIMARY KEY (key, variant, uri),
  FOREIGN KEY (key, variant) REFERENCES cache (key, variant) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX cache_uses_by_uri ON cache_uses (uri);
CREATE TABLE digests (
  device      INTEGER NOT NULL,
  inode       INTEGER NOT NULL,
  size        INTEGER NOT NULL,
  modified_ns INTEGER NOT NULL,
  changed_ns  INTEGER NOT NULL,
  digest      TEXT NOT NULL,
  noted       INTEGER NOT NULL,
  PRIMARY KEY (device, inode)
) STRICT, WITHOUT ROWID;
CREATE INDEX digests_by_noted ON digests (noted);
CREATE TABLE documents (
  digest TEXT PRIMARY KEY,
  body   TEXT NOT NULL
) STRICT;
CREATE TABLE events (
  run     INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
  seq     INTEGER NOT NULL CHECK (seq > 0),
  time    INTEGER NOT NULL,
  type    TEXT NOT NULL,
  payload TEXT,
  PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE migrations (
  version INTEGER PRIMARY KEY,
  name    TEXT NOT NULL,
  program TEXT NOT NULL,
  applied INTEGER NOT NULL
) STRICT;
CREATE TABLE run_uses (
  run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
  uri TEXT NOT NULL,
  PRIMARY KEY (run, uri)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_uses_by_uri ON run_uses (uri);
CREATE TABLE runs (
  number           INTEGER PRIMARY KEY,
  id               TEXT NOT NULL UNIQUE,
  pipeline         TEXT NOT NULL,
  experiment       TEXT NOT NULL,
  state            TEXT NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'cancelled')),
  epoch            INTEGER NOT NULL CHECK (epoch > 0),
  owner            TEXT NOT NULL,
  created          INTEGER NOT NULL,
  started          INTEGER,
  finished         INTEGER,
  cancel_requested INTEGER,
  error            TEXT NOT NULL,
  project_root     TEXT NOT NULL,
  interpreter      TEXT NOT NULL,
  document         TEXT NOT NULL REFERENCES documents (digest),
  machine_version  INTEGER NOT NULL,
  parameters       TEXT,
  outputs          TEXT,
  machine_state    TEXT,
  extra            TEXT
) STRICT;
CREATE INDEX runs_by_created ON runs (created, id);
CREATE INDEX runs_by_document ON runs (document);
CREATE INDEX runs_by_pipeline ON runs (pipeline, created, id);
CREATE TABLE steps (
  run             INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
  path            TEXT NOT NULL,
  name            TEXT NOT NULL,
  state           TEXT NOT NULL,
  attempts        INTEGER NOT NULL,
  cached          INTEGER NOT NULL,
  started         INTEGER,
  finished        INTEGER,
  cpu_ms          INTEGER NOT NULL,
  peak_rss_bytes  INTEGER NOT NULL,
  cache_key       TEXT NOT NULL,
  error_class     TEXT NOT NULL,
  error_message   TEXT NOT NULL,
  reason          TEXT NOT NULL,
  logs            TEXT NOT NULL,
  machine_version INTEGER NOT NULL,
  cache           TEXT,
  inputs          TEXT,
  outputs         TEXT,
  metrics         TEXT,
  error           TEXT,
  machine_state   TEXT,
  PRIMARY KEY (run, path)
) STRICT, WITHOUT ROWID;
