"""A store with many runs: copies of the newest run of a store that `stoker run` made, with ids and times of their own.

python bench/fill_store.py STORE 10000
"""

from __future__ import annotations

import datetime
import pathlib
import sqlite3
import sys


def fill(store: pathlib.Path, runs: int) -> None:
    connection = sqlite3.connect(store / "stoker.db", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    number, created = connection.execute("SELECT number, created FROM runs ORDER BY number DESC LIMIT 1").fetchone()
    have = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
    columns = [
        row[1] for row in connection.execute("PRAGMA table_info(runs)") if row[1] not in ("number", "id", "created")
    ]
    names = ", ".join(columns)
    others = {
        table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "run"]
        for table in ("steps", "attempts", "events")
    }
    connection.execute("BEGIN IMMEDIATE")
    for index in range(1, runs - have + 1):
        # One a minute, into the past.
        moment = datetime.datetime(2026, 1, 1) - datetime.timedelta(minutes=index)
        run_id = f"{moment:%Y%m%d-%H%M%S}-{index % 10000:04d}"
        cursor = connection.execute(
            f"INSERT INTO runs (id, created, {names}) SELECT ?, ?, {names} FROM runs WHERE number = ?",
            (run_id, created - index * 60_000, number),
        )
        for table, fields in others.items():
            listed = ", ".join(fields)
            connection.execute(
                f"INSERT INTO {table} (run, {listed}) SELECT ?, {listed} FROM {table} WHERE run = ?",
                (cursor.lastrowid, number),
            )
    connection.execute("COMMIT")
    connection.close()


if __name__ == "__main__":
    fill(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
