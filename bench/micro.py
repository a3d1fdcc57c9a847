"""The C++ benchmarks: built, run, and compared with the recorded baseline.

python bench/micro.py             run and compare with bench/baseline.json
python bench/micro.py --record    run and record
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any, Dict, List

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import report
from scenarios import ROOT, WORK

BUILD = ROOT / "build/release"
BASELINE = ROOT / "bench/baseline.json"
MODULES = ["pipeline", "engine", "metadata", "submission"]
# What differs by more is marked: CPU time of the same program varies by this much on a shared machine.
NOTABLE = 0.25
KEPT = ["cpu_time", "real_time", "time_unit", "items_per_second", "wait_p50_ms", "wait_p99_ms"]


def measure() -> Dict[str, Dict[str, Any]]:
    subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        ["cmake", "--build", str(BUILD), "-j2", "--target", "benchmarks"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    found: Dict[str, Dict[str, Any]] = {}
    for module in MODULES:
        out = WORK / f"micro-{module}.json"
        out.parent.mkdir(parents=True, exist_ok=True)
        program = [str(BUILD / f"bench/{module}_bench"), f"--benchmark_out={out}", "--benchmark_out_format=json"]
        subprocess.run(program, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for one in json.loads(out.read_text())["benchmarks"]:
            found[one["name"]] = {key: one[key] for key in KEPT if key in one}
    return found


def in_words(one: Dict[str, Any]) -> List[str]:
    rate = f"{one['items_per_second']:,.0f}/s" if "items_per_second" in one else ""
    wait = f"p50 {one['wait_p50_ms']:.1f}, p99 {one['wait_p99_ms']:.1f} ms" if "wait_p50_ms" in one else ""
    return [f"{one['cpu_time']:.1f} {one['time_unit']}", f"{one['real_time']:.1f} {one['time_unit']}", rate, wait]


def run() -> None:
    load = os.getloadavg()[0]
    print(f"\nmicro: the C++ benchmarks  (load {load:.1f})", flush=True)
    found = measure()
    recorded = json.loads(BASELINE.read_text())["benchmarks"] if BASELINE.exists() else {}
    table = [
        "### micro: the C++ benchmarks",
        "",
        f"Load average {load:.1f}. CPU is that of the benchmark's own thread.",
        "",
    ]
    table += ["| | CPU | wall | rate | ready → dispatched | CPU against the baseline |", "|---|---|---|---|---|---|"]
    for name, one in found.items():
        before = recorded.get(name)
        change = one["cpu_time"] / before["cpu_time"] - 1 if before else 0.0
        words = [*in_words(one), (f"{change:+.0%}" + (" !" if abs(change) > NOTABLE else "")) if before else "new"]
        print(f"  {name:58} " + "  ".join(f"{word:>18}" for word in words), flush=True)
        table.append(f"| `{name}` | " + " | ".join(words) + " |")
    report.save_json("micro", {"name": "micro", "benchmarks": found, "markdown": table})


def record() -> None:
    content = {
        "machine": report.machine(),
        "commit": report.commit(),
        "load": os.getloadavg()[0],
        "benchmarks": measure(),
    }
    BASELINE.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    record() if "--record" in sys.argv[1:] else run()
