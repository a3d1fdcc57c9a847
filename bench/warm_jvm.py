"""What a warm JVM saves: a five-step ML job as a plain script, on a JVM that the pool has just started, and on a warm one.

    python bench/warm_jvm.py --python VENV/bin/python --driver build/release/src/workers/spark_pool_driver [--runs 3]

CPU seconds (user + system) are those of Python, the JVM, its Python workers and, for the pool, the daemon. The plain script is
measured by waiting for everything that it started, orphans included. Rows alternate, so that a busy machine disturbs all alike.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List, Tuple

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/integration"))

from spark_pool_client import Connection, Lease, lease_request  # noqa: E402

JOB = """
import sys
from pyspark.ml import Pipeline
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import StandardScaler, StringIndexer, VectorAssembler
from pyspark.sql import SparkSession

spark = SparkSession.builder.config("spark.ui.enabled", "false").master("local[*]").getOrCreate()
data = spark.read.csv(sys.argv[1], header=True, inferSchema=True)
data.describe().collect()
train, test = data.randomSplit([0.8, 0.2], 7)
numeric = [name for name, kind in data.dtypes if kind == "double" and name != "target"]
stages = [StringIndexer(inputCol="target", outputCol="label"), VectorAssembler(inputCols=numeric, outputCol="raw"),
          StandardScaler(inputCol="raw", outputCol="features")]
prepared = Pipeline(stages=stages).fit(train)
model = RandomForestClassifier(numTrees=20, seed=7).fit(prepared.transform(train))
print("auc", BinaryClassificationEvaluator().evaluate(model.transform(prepared.transform(test))))
"""

PR_SET_CHILD_SUBREAPER = 36


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_plain(python: str, data: str, folder: pathlib.Path) -> Tuple[float, float]:
    before, began = children_cpu(), time.monotonic()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYSPARK_", "SPARK_"))}
    subprocess.run([python, "-c", JOB, data], cwd=folder, env=environment, check=True, capture_output=True)
    wall = time.monotonic() - began
    while True:  # the JVM outlives the script by a moment, and is ours now
        try:
            os.wait()
        except ChildProcessError:
            return children_cpu() - before, wall


def process_cpu(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


class Pool:
    def __init__(self, driver: str, folder: pathlib.Path, cache: pathlib.Path) -> None:
        folder.mkdir(mode=0o700)
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=str(folder), XDG_CACHE_HOME=str(cache))
        self.driver = driver
        self.socket = folder / "stoker/pool-1.sock"
        subprocess.run([driver, "serve", "--no-archive", "--linger", "1s"], env=self.environment, check=True)
        self.pid = int(self.ask({"op": "list"})["pid"])

    def ask(self, message: Dict[str, Any]) -> Dict[str, Any]:
        connection = Connection(self.socket)
        connection.send(message)
        answer = connection.receive()
        connection.close()
        return answer

    def run(self, request: Dict[str, Any], data: str) -> Tuple[float, float]:
        daemon, began = process_cpu(self.pid), time.monotonic()
        lease = Lease(self.socket, request)
        started = 0.0 if lease.warm else process_cpu(lease.jvm_pid)
        process = lease.popen(["-c", JOB, data])
        output = process.communicate()[0]
        wall = time.monotonic() - began
        assert process.returncode == 0, output
        used = children_of(process)
        account = lease.release()
        return used + started + account["cpu_ms"] / 1000 + process_cpu(self.pid) - daemon, wall

    def stop(self) -> None:
        self.ask({"op": "stop", "all": True, "force": True})
        while True:
            try:
                os.wait()
            except ChildProcessError:
                return


_last = [0.0]


def children_of(_: Any) -> float:
    """CPU of what was reaped since the last call: exactly the one process that just ended."""
    now = children_cpu()
    used, _last[0] = now - _last[0], now
    return used


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default=str(ROOT / ".venv/bin/python"))
    parser.add_argument("--driver", default=str(ROOT / "build/release/src/workers/spark_pool_driver"))
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ask = "import pyspark, os; print(os.path.dirname(pyspark.__file__)); print(pyspark.__version__)"
    home, version = subprocess.run(
        [options.python, "-c", ask], capture_output=True, text=True, check=True
    ).stdout.split()
    data = str(ROOT / "examples/breast_cancer/wdbc.csv")
    work = pathlib.Path(tempfile.mkdtemp(prefix="warm-jvm-"))
    request = lease_request(
        project=work,
        python=options.python,
        spark_home=home,
        java=shutil.which("java") or "java",
        python_path=str(ROOT / "python"),
    )
    (work / "request.json").write_text(json.dumps(request))
    with_archive, without = work / "cache", work / "no-archive"
    rows: Dict[str, List[Tuple[float, float]]] = {}

    def note(name: str, figure: Tuple[float, float]) -> None:
        rows.setdefault(name, []).append(figure)
        print(f"  {name}: {figure[0]:.2f} CPU s, {figure[1]:.1f} s", flush=True)

    before = children_cpu()
    (work / "prepare").mkdir(mode=0o700)
    environment = dict(os.environ, XDG_RUNTIME_DIR=str(work / "prepare"), XDG_CACHE_HOME=str(with_archive))
    subprocess.run(
        [options.driver, "prepare", str(work / "request.json")], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    note("making the archive, once", (children_cpu() - before, 0))
    for turn in range(options.runs):
        note("plain script", run_plain(options.python, data, work))
        for name, cache in (("tuned", without), ("tuned and archive", with_archive)):
            pool = Pool(options.driver, work / f"run-{turn}-{cache.name}", cache)
            children_of(None)
            note(f"pool, first lease ({name})", pool.run(request, data))
            if cache is with_archive:
                for index in range(2, 5):
                    note(f"pool, warm, lease {index}", pool.run(request, data))
            pool.stop()
    print(f"\nSpark {version}, median of {options.runs}, load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores\n")
    print("| variant | CPU s | of plain | wall s |\n|---|---|---|---|")
    plain = statistics.median(cpu for cpu, _ in rows["plain script"])
    for name, figures in rows.items():
        cpu, wall = (statistics.median(column) for column in zip(*figures))
        print(f"| {name} | {cpu:.2f} | {cpu / plain:.0%} | {wall:.1f} |")
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
