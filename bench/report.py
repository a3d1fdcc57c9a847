"""Samples on disk, and the tables made of them."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from measure import Figure
from scenarios import PROGRAM, PYTHON, RIVAL_PACKAGES, ROOT, WORK

RESULTS = WORK / "results"
REPORTS = ROOT / "bench/results"


@dataclass
class Sample:
    figure: Optional[Figure]
    note: str


@dataclass
class Row:
    command: List[str]
    figures: List[Figure] = field(default_factory=list)
    note: str = ""


@dataclass
class Record:
    name: str
    title: str
    load_before: float
    rows: Dict[str, Row]
    load_after: float = 0.0


def output_of(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return (done.stdout or done.stderr).strip()


# Written by a measurement or about it: a change of these does not make another program.
NOT_MEASURED = [":(exclude)bench/results", ":(exclude)bench/README.md", ":(exclude)bench/baseline.json"]


def commit() -> str:
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", ".", *NOT_MEASURED], cwd=ROOT).returncode != 0
    return output_of("git", "rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = next(
        (
            line.partition(":")[2].strip()
            for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    java = output_of("java", "-version").splitlines()[:1]
    spark = output_of(PYTHON, "-c", "import pyspark; print(pyspark.__version__)")
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"{java[0] if java else 'no Java'}, pyspark {spark}, {output_of(PROGRAM, 'version').splitlines()[0]}"
    )


def path_of(name: str) -> pathlib.Path:
    return RESULTS / f"{name}.json"


def save_json(name: str, content: Dict[str, Any]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    moment = datetime.datetime.now().isoformat(timespec="seconds")
    path_of(name).write_text(json.dumps({"commit": commit(), "measured": moment, **content}, indent=1) + "\n")


def save(record: Record) -> None:
    save_json(record.name, dataclasses.asdict(record))


def load(name: str) -> Optional[Dict[str, Any]]:
    path = path_of(name)
    if not path.exists():
        return None
    content: Dict[str, Any] = json.loads(path.read_text())
    return content


def measured(name: str) -> bool:
    """At this commit."""
    content = load(name)
    return content is not None and content["commit"] == commit()


def spread(values: List[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}–{max(values):.{digits}f}]"


def cells(row: Dict[str, Any]) -> List[str]:
    figures = row["figures"]
    if row["note"] or not figures:
        return ["", "", "", "", row["note"] or "not run"]
    digits = 3 if statistics.median(figure["cpu"] for figure in figures) < 5 else 1
    java = statistics.median(figure["java_cpu"] for figure in figures)
    without = statistics.median(figure["cpu"] - figure["java_cpu"] for figure in figures)
    memory = [statistics.median(figure[key] for figure in figures) for key in ("rss_mb", "tree_mb")]
    return [
        spread([figure["cpu"] for figure in figures], digits),
        f"{without:.{max(digits, 2)}f}" if java > 0 else "",
        spread([figure["wall"] for figure in figures], digits),
        f"{memory[0]:.0f} / {memory[1]:.0f}",
        str(len(figures)),
    ]


HEADINGS = [
    "",
    "CPU s: median [min–max]",
    "of it outside JVMs",
    "wall s: median [min–max]",
    "MB: largest process / all",
    "n",
]


def lines(record: Record) -> List[str]:
    """For the terminal."""
    rows = [[tool, *cells(dataclasses.asdict(row))] for tool, row in record.rows.items()]
    widths = [max(len(row[i]) for row in [HEADINGS, *rows]) for i in range(len(HEADINGS))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [HEADINGS, *rows]
    ]


def markdown(content: Dict[str, Any]) -> List[str]:
    out = [
        f"### {content['name']}: {content['title']}",
        "",
        f"Load average {content['load_before']:.1f} before, {content['load_after']:.1f} after; commit {content['commit']}.",
        "",
    ]
    out += ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    for tool, row in content["rows"].items():
        out.append("| " + " | ".join([tool, *cells(row)]) + " |")
    return out


def write(names: List[str]) -> List[pathlib.Path]:
    """bench/results/<date>.md and .json, of everything that was measured."""
    found = {name: content for name in names if (content := load(name)) is not None}
    out = [f"# Measured on {datetime.date.today()}", "", machine() + ".", ""]
    out += [
        "Rivals: "
        + ", ".join(package for packages in RIVAL_PACKAGES.values() for package in packages)
        + ". Command: `bench/run`.",
        "",
    ]
    for content in found.values():
        out += [*(markdown(content) if "rows" in content else content["markdown"]), ""]
    REPORTS.mkdir(exist_ok=True)
    stem = REPORTS / str(datetime.date.today())
    paths = [stem.with_suffix(".md"), stem.with_suffix(".json")]
    text = "\n".join(out).rstrip() + "\n"
    raw = json.dumps({"machine": machine(), "scenarios": found}, indent=1)
    # Of no interest to others, and not the same for them.
    paths[0].write_text(text.replace(str(ROOT), "."))
    paths[1].write_text(raw.replace(str(ROOT), ".") + "\n")
    return paths
