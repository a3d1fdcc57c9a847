"""Whether the pipeline runs the Spark jobs and stages of the plain script and no more: both once with an event log, counted.

A frame that Stoker reads back brings its schema; `spark.read.parquet` of the plain script runs a job of one stage to find it out.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
from collections import Counter
from typing import Dict, List

import report
from scenarios import WORK, Entry, edit, environment_of, example_copy, plain_script, stoker

EVENTS = ["SparkListenerJobStart", "SparkListenerStageCompleted", "SparkListenerTaskEnd"]
NAMES = ["jobs", "stages", "tasks"]


def count(folder: pathlib.Path) -> Dict[str, int]:
    found: Counter[str] = Counter()
    for file in folder.rglob("*"):
        if not file.is_file() or file.name.startswith((".", "appstatus")):
            continue
        with file.open() as log:
            found.update(json.loads(line)["Event"] for line in log)
    return {name: found[event] for name, event in zip(NAMES, EVENTS)}


def run() -> None:
    rows: Dict[str, Dict[str, int]] = {}
    print("\njobs: Spark jobs and stages, counted from event logs", flush=True)
    for name, entry in (("plain script", plain()), ("stoker", ours())):
        folder = event_folder(name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run(
            entry.command, env=environment_of(entry), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        rows[name] = count(folder)
        print(f"  {name:14} " + ", ".join(f"{rows[name][key]} {key}" for key in NAMES), flush=True)
    more = [key for key in ("jobs", "stages") if rows["stoker"][key] > rows["plain script"][key]]
    verdict = (
        f"Stoker runs more {' and '.join(more)}."
        if more
        else "Stoker runs no job and no stage that the plain script does not run."
    )
    print("  " + verdict)
    table: List[str] = [
        "### jobs: Spark jobs and stages of the breast-cancer pipeline, from event logs",
        "",
        "| | " + " | ".join(NAMES) + " |",
        "|---" * 4 + "|",
    ]
    table += [f"| {name} | " + " | ".join(str(row[key]) for key in NAMES) + " |" for name, row in rows.items()]
    table += ["", verdict]
    report.save_json("jobs", {"name": "jobs", "more": more, "counts": rows, "markdown": table})


def event_folder(name: str) -> pathlib.Path:
    return WORK / "events" / name.replace(" ", "-")


def plain() -> Entry:
    return plain_script(environment={"BENCH_EVENT_LOG": str(event_folder("plain script"))})


def ours() -> Entry:
    """A copy of the example whose steps log their events."""
    shutil.rmtree(example_copy("events").parent)
    file = example_copy("events")
    conf = {"spark.sql.shuffle.partitions": "2", "spark.eventLog.enabled": "true", "spark.eventLog.compress": "false"}
    conf["spark.eventLog.dir"] = str(event_folder("stoker"))
    edit(file, r"Spark\(conf=\{.*\}\)", f"Spark(conf={conf!r})")
    return stoker("run", str(file), "--no-cache")
