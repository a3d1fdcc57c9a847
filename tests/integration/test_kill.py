"""Kill -9 at any moment: no step that had finished runs again, no two attempts of a step overlap, nothing is left behind.

The judge is not our database: each step appends (run, step, attempt, pid, what) to one file with O_APPEND and fsync, before and after its work. A
seed decides what is killed and when; a failure prints it, and STOKER_KILL_SEED replays it. STOKER_KILLS sets how many seeds each of the command and
Python pipelines gets, STOKER_SPARK_KILLS how many the Spark pipeline gets, whose JVM is killed too.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest
from conftest import Stoker

KILLS = int(os.environ.get("STOKER_KILLS", "8"))
SPARK_KILLS = int(os.environ.get("STOKER_SPARK_KILLS", "2"))
FIRST_SEED = int(os.environ.get("STOKER_KILL_SEED", "1"))
SEEDS = range(FIRST_SEED, FIRST_SEED + KILLS)
SPARK_SEEDS = range(FIRST_SEED, FIRST_SEED + SPARK_KILLS)
# Kills of one run before it is left alone to finish.
MOST_KILLS = 20

NOTE = (
    'note() { printf "%s %s %s %s %s\\n" "$STOKER_RUN" "$STOKER_STEP" "$STOKER_ATTEMPT" $$ "$1" '
    '| dd of="$TRACE" oflag=append conv=notrunc,fsync status=none; }\n'
)
WORK = "note begin; i=0; while [ $i -lt 400 ]; do i=$((i+1)); done; note end\n"


def commands(stoker: Stoker) -> str:
    def step(name: str, **more: object) -> dict[str, object]:
        return {
            "name": name,
            "command": {"script": NOTE + WORK},
            "env": {"TRACE": str(stoker.folder / "trace")},
            **more,
        }

    document = {
        "apiVersion": "stoker.dev/v1beta1",
        "kind": "Pipeline",
        "name": "killed",
        "steps": [
            step("first"),
            step("left", needs=["first"]),
            step("right", needs=["first"], retry={"on": {"infrastructure": 3}, "backoff": "10ms"}),
            step("each", needs=["left"], foreach=[1, 2, 3, 4]),
            step("last", needs=["each", "right"]),
        ],
        "finally": [step("report")],
    }
    stoker.write("killed.json", json.dumps(document))
    return "killed.json"


PYTHON_HEAD = """
import os
from stoker import finally_, pipeline, step

def note(what):
    words = [os.environ["STOKER_RUN"], os.environ["STOKER_STEP"], os.environ["STOKER_ATTEMPT"], str(os.getpid()), what]
    trace = os.open(os.path.join(os.environ["STOKER_PROJECT_ROOT"], "trace"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(trace, (" ".join(words) + "\\n").encode())
    os.fsync(trace)
    os.close(trace)

def work(number):
    note("begin")
    number = sum(range(20_000)) * 0 + number + 1
    note("end")
    return number
"""

PYTHON = (
    PYTHON_HEAD
    + """
@step
def first() -> int:
    return work(0)

@step
def left(number: int) -> int:
    return work(number)

@step(retry=3)
def right(number: int) -> int:
    return work(number)

@step
def each(item: int, number: int) -> int:
    return work(item)

@step
def last(numbers: list[int], number: int) -> int:
    return work(number)

@step
def report() -> int:
    return work(0)

@pipeline
def killed() -> None:
    number = first()
    last(each.map(item=[1, 2, 3, 4], number=left(number)), right(number))
    finally_(report)
"""
)
STEPS = ["first", "left", "right", "each[0]", "each[1]", "each[2]", "each[3]", "last", "report"]

SPARK = (
    PYTHON_HEAD
    + """
from pyspark.sql import DataFrame, SparkSession
from stoker import Spark

spark = Spark(conf={"spark.sql.shuffle.partitions": "1"})

@step(spark=spark)
def first(session: SparkSession) -> DataFrame:
    note("begin")
    made = session.range(1000).selectExpr("id", "id % 7 AS kind")
    note("end")
    return made

@step(spark=spark, retry=2)
def last(data: DataFrame) -> int:
    note("begin")
    count = data.groupBy("kind").count().count()
    note("end")
    return count

@step
def report() -> int:
    return work(0)

@pipeline
def killed() -> None:
    last(first())
    finally_(report)
"""
)
SPARK_STEPS = ["first", "last", "report"]


def python(stoker: Stoker) -> str:
    stoker.write("killed.py", PYTHON)
    return "killed.py"


def spark_file(stoker: Stoker) -> str:
    stoker.write("killed.py", SPARK)
    return "killed.py"


@dataclass
class Line:
    run: str
    step: str
    attempt: int
    pid: int
    what: str


def trace_of(stoker: Stoker) -> list[Line]:
    path = stoker.folder / "trace"
    rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [Line(run, step, int(attempt), int(pid), what) for run, step, attempt, pid, what in rows]


def events_of(path: pathlib.Path) -> list[dict[str, Any]]:
    found = []
    for line in path.read_text().splitlines():
        with contextlib.suppress(ValueError):  # cut by the kill
            found.append(json.loads(line))
    return found


def runs_of(stoker: Stoker) -> list[dict[str, Any]]:
    if not (stoker.folder / ".stoker/stoker.db").exists():
        return []
    runs: list[dict[str, Any]] = json.loads(stoker("runs", "list", "--json").out or "[]")
    return runs


def strays(run: str) -> list[psutil.Process]:
    """Processes of any attempt of the run that are still alive."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("STOKER_RUN") == run:
                found.append(process)
    return found


def check_no_strays(run: str, seed: int) -> None:
    deadline = time.monotonic() + 30
    while (left := strays(run)) and time.monotonic() < deadline:
        psutil.wait_procs(left, timeout=1)
    assert not strays(run), f"seed {seed}: {[described(process) for process in strays(run)]}"


def described(process: psutil.Process) -> str:
    """What is needed to find out why it is still there."""
    try:
        parents = " < ".join(f"{parent.pid} {parent.name()}" for parent in process.parents())
        variables = {name: value for name, value in process.environ().items() if name.startswith("STOKER_")}
        return f"{process.pid} {process.cmdline()} < {parents}, {process.num_threads()} threads, {variables}"
    except psutil.Error as error:
        return f"{process.pid}: {error}"


def jvms_of(stoker: Stoker) -> list[psutil.Process]:
    listed = json.loads(stoker("workers", "list", "--json").out or "[]")
    return [psutil.Process(row["pid"]) for row in listed if psutil.pid_exists(row["pid"])]


@dataclass
class Victim:
    """Runs a pipeline and kills, over and over, until it has succeeded."""

    stoker: Stoker
    file: str
    seed: int
    longest: float  # seconds until a kill
    jvm: bool = False
    finished: set[str] = field(default_factory=set)
    run: str = ""
    kills: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def kill_something(self, program: subprocess.Popen[str]) -> None:
        """SIGKILL for the program, for one of the processes below it, or for a JVM."""
        dice = self.chance.random()
        victims: list[psutil.Process] = []
        try:
            if self.jvm and dice < 0.4:
                victims = jvms_of(self.stoker)
            elif dice < 0.6:
                victims = psutil.Process(program.pid).children(recursive=True)
            if victims:
                self.chance.choice(victims).kill()
                self.kills.append("jvm" if self.jvm and dice < 0.4 else "worker")
                return
        except psutil.Error:
            return  # it ended by itself
        if program.poll() is None:
            program.send_signal(signal.SIGKILL)
            self.kills.append("program")

    def once(self, arguments: tuple[str, ...], kill: bool) -> int:
        before = len(trace_of(self.stoker))
        out = self.stoker.folder / "events.jsonl"
        with out.open("w") as stream:
            program = self.stoker.start(*arguments, stdout=stream, stderr=subprocess.DEVNULL)
            try:
                program.wait(timeout=self.chance.uniform(0.0, self.longest) if kill else 240)
            except subprocess.TimeoutExpired:
                assert kill, f"seed {self.seed}: it hangs"
                self.kill_something(program)
            # A killed worker is the program's to deal with: it fails the step or retries it, and ends.
            code = program.wait(timeout=240)
        events = events_of(out)
        # To resume a run that had ended takes back its finally steps: they run again.
        self.finished -= {event["step"] for event in events if event["type"] == "step.reset"}
        for line in trace_of(self.stoker)[before:]:
            assert line.step not in self.finished, f"seed {self.seed}: {line.step} ran again after it had finished"
        self.finished |= {event["step"] for event in events if event["type"] == "step.succeeded"}
        return code

    def until_it_succeeds(self) -> None:
        arguments: tuple[str, ...] = ("run", self.file, "--json")
        for attempt in range(MOST_KILLS + 1):
            code = self.once(arguments, kill=attempt < MOST_KILLS)
            runs = runs_of(self.stoker)
            if not runs:
                continue  # killed before the run existed: the same command again
            self.run = runs[0]["run"]
            assert len(runs) == 1, f"seed {self.seed}: {runs}"
            # A child that was forked at the moment of the kill holds the run's lock until it has become another program.
            deadline = time.monotonic() + 30
            while (runs := runs_of(self.stoker))[0]["state"] == "running" and time.monotonic() < deadline:
                os.sched_yield()
            assert runs[0]["state"] != "running", f"seed {self.seed}: nobody runs it: {runs[0]}"
            if runs[0]["state"] == "succeeded":
                return
            assert code in (-signal.SIGKILL, 1), f"seed {self.seed}: exit code {code}"
            arguments = ("runs", "resume", self.run, "--json")
        pytest.fail(f"seed {self.seed}: the run did not end")

    def check(self, steps: list[str]) -> None:
        lines = trace_of(self.stoker)
        assert {line.run for line in lines} == {self.run}
        assert {line.step for line in lines if line.what == "end"} == set(steps), f"seed {self.seed}"
        # Attempts of a step do not overlap: once a later attempt began, an earlier one writes nothing.
        latest: dict[str, int] = {}
        for line in lines:
            assert line.attempt >= latest.get(line.step, 0), (
                f"seed {self.seed}: attempt {line.attempt} of {line.step} still wrote after {latest[line.step]} began"
            )
            latest[line.step] = line.attempt
        check_no_strays(self.run, self.seed)
        print(f"seed {self.seed}: killed {', '.join(self.kills) or 'nothing'}")


@pytest.mark.parametrize("make", [commands, python])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_step_is_lost_or_doubled(stoker: Stoker, make: Any, seed: int) -> None:
    victim = Victim(stoker, make(stoker), seed, longest=1.0)
    victim.until_it_succeeds()
    victim.check(STEPS)


@pytest.mark.parametrize("seed", SPARK_SEEDS)
def test_no_spark_step_is_lost_or_doubled(spark: Stoker, seed: int) -> None:
    victim = Victim(spark, spark_file(spark), seed, longest=12.0, jvm=True)
    victim.until_it_succeeds()
    victim.check(SPARK_STEPS)
    # Every JVM that is left serves the next run, or is not on the list.
    assert spark.run("killed.py", "--no-cache").code == 0


@pytest.mark.parametrize("make", [commands, python])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("seed", SEEDS[: max(2, len(SEEDS) // 4)])
def test_interrupting_at_any_moment_loses_nothing(stoker: Stoker, make: Any, times: int, seed: int) -> None:
    chance = random.Random(seed)
    victim = Victim(stoker, make(stoker), seed, longest=1.0)
    out = stoker.folder / "events.jsonl"
    with out.open("w") as stream:
        program = stoker.start("run", victim.file, "--json", stdout=stream, stderr=subprocess.DEVNULL)
        try:
            program.wait(timeout=chance.uniform(0.05, 1.0))
        except subprocess.TimeoutExpired:
            for _ in range(times):
                program.send_signal(signal.SIGINT)
        code = program.wait(timeout=120)
    # 0: it had ended by itself; -SIGINT: before it listened, and before anything existed.
    assert code in (0, 130, -signal.SIGINT), f"seed {seed}"
    runs = runs_of(stoker)
    if not runs:
        return
    assert len(runs) == 1 and runs[0]["state"] == ("succeeded" if code == 0 else "cancelled"), f"seed {seed}: {runs}"
    check_no_strays(runs[0]["run"], seed)
    events = events_of(out)
    assert events[-1]["type"] == "run.finished", f"seed {seed}"
    victim.finished |= {event["step"] for event in events if event["type"] == "step.succeeded"}
    if times == 1 and code == 130:
        assert "report" in victim.finished, f"seed {seed}: the first Ctrl-C cancels in order, and the finally steps run"
    victim.run = runs[0]["run"]
    if code != 0:
        assert victim.once(("runs", "resume", victim.run, "--json"), kill=False) == 0, f"seed {seed}"
    victim.check(STEPS)
