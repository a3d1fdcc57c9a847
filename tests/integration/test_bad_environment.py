"""Bad input that is not the user's pipeline: other versions, full disks, damaged artifacts, a clock that jumps.

tests/bad-input.yaml has a row for each item.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
from typing import Iterator

import pytest
from conftest import Outcome, Stoker

PIPELINE = """
from stoker import pipeline, step

@step
def made() -> bytes:
    return b"x" * 200_000

@step
def used(data: bytes) -> int:
    {body}
    return len(data)

@pipeline
def chain() -> None:
    used(made())
"""

SPARK = """
from pyspark.sql import SparkSession
from stoker import Spark, pipeline, step

@step(spark=Spark())
def work(session: SparkSession) -> int:
    return session.range(3).count()

@pipeline
def bad() -> None:
    work()
"""


def write(stoker: Stoker, text: str) -> str:
    (stoker.folder / "p.py").write_text(text)
    return "p.py"


def error_of(done: Outcome, step: str) -> dict[str, str]:
    return done.step(step)["error"]


# --- versions -------------------------------------------------------------------------------------------------------


def pretend_pyspark(stoker: Stoker, version: str) -> None:
    """A pyspark of another version: the real package, but for what says its version."""
    import pyspark

    real = pathlib.Path(pyspark.__file__).parent
    package = stoker.folder / "other/pyspark"
    (package / "jars").mkdir(parents=True)
    for entry in real.iterdir():
        if entry.name not in ("jars", "version.py", "__pycache__"):
            (package / entry.name).symlink_to(entry)
    (package / "version.py").write_text(f"__version__ = '{version}'\n")
    for jar in (real / "jars").iterdir():
        name = jar.name
        if name.startswith("spark-core_"):
            name = name[: name.index("-", len("spark-core_"))] + f"-{version}.jar"
        (package / "jars" / name).symlink_to(jar)
    # Before the virtual environment's own.
    paths = [str(stoker.folder / "other"), *stoker.environment.get("PYTHONPATH", "").split(os.pathsep)]
    stoker.environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)


@pytest.mark.parametrize("version", ["2.4.8", "9.0.0"])
def test_a_pyspark_of_the_wrong_version(stoker: Stoker, version: str) -> None:
    pretend_pyspark(stoker, version)
    done = stoker.run(write(stoker, SPARK))
    assert done.code == 1, done.err
    error = error_of(done, "work")
    assert done.step("work")["class"] == "infrastructure"
    assert version in error["message"] and "Spark" in error["message"], error
    assert "use Spark 3" in error["hint"], error


@pytest.mark.parametrize("version", ["1.8.0_392", "99.0.1"])
def test_a_java_of_the_wrong_version(stoker: Stoker, version: str) -> None:
    home = stoker.folder / "java"
    (home / "bin").mkdir(parents=True)
    (home / "bin/java").write_text("#!/bin/sh\nexit 1\n")
    (home / "bin/java").chmod(0o755)
    (home / "release").write_text(f'JAVA_VERSION="{version}"\n')
    stoker.environment["JAVA_HOME"] = str(home)
    done = stoker.run(write(stoker, SPARK))
    assert done.code == 1, done.err
    error = error_of(done, "work")
    assert done.step("work")["class"] == "infrastructure"
    assert "Java" in error["message"] and version in error["message"], error
    assert "17" in error["hint"], error


# --- artifacts ------------------------------------------------------------------------------------------------------


def truncate(path: pathlib.Path) -> None:
    os.truncate(path, 1000)


def corrupt(path: pathlib.Path) -> None:
    with path.open("r+b") as stream:
        stream.seek(500)
        stream.write(b"?")


@pytest.mark.parametrize("damage", [truncate, corrupt])
def test_a_damaged_artifact_is_named(stoker: Stoker, damage: object) -> None:
    file = write(stoker, PIPELINE.format(body="raise ValueError('not yet')"))
    failed = stoker.run(file)
    assert failed.code == 1
    data = next(
        path for path in (stoker.folder / ".stoker/artifacts").rglob("made/1/output/*") if path.name != "manifest.json"
    )
    damage(data)  # type: ignore[operator]
    write(stoker, PIPELINE.format(body="pass"))
    # The run that made it keeps its finished steps: it can say what is wrong, and what to do.
    resumed = stoker("runs", "resume", "--json")
    assert resumed.code == 1
    error = error_of(resumed, "used")
    assert resumed.step("used")["class"] == "infrastructure"
    assert "data" in error["message"] and str(data.parent) in error["message"] and "damaged" in error["message"], error
    assert "stoker run" in error["hint"], error


def test_a_truncated_artifact_is_made_again(stoker: Stoker) -> None:
    file = write(stoker, PIPELINE.format(body="pass"))
    assert stoker.run(file).code == 0
    truncate(
        next(
            path
            for path in (stoker.folder / ".stoker/artifacts").rglob("made/1/output/*")
            if path.name != "manifest.json"
        )
    )
    again = stoker.run(file)
    assert again.code == 0 and again.step("made")["cached"] is False, again.err
    assert "damaged" in again.step("made")["cache"]["why"]


# --- disks ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


FILLS = {
    "command": """
        apiVersion: stoker.dev/v1beta1
        kind: Pipeline
        name: full
        steps:
          - {name: before, command: {run: [echo, ok]}}
          - name: work
            needs: [before]
            command: {script: "echo begin; dd if=/dev/zero of=big bs=64k count=1000"}
        """,
    "python": """
        from stoker import pipeline, step

        @step
        def before() -> int:
            return 1

        @step
        def work(number: int) -> int:
            import os
            with open(os.path.join(os.environ["STOKER_SCRATCH"], "big"), "wb", buffering=0) as stream:
                for _ in range(1000):
                    stream.write(bytes(64 * 1024))
            return number

        @pipeline
        def full() -> None:
            work(before())
        """,
}


@pytest.mark.parametrize("kind", FILLS)
def test_a_full_disk_in_the_middle_of_a_step(stoker: Stoker, small_disk: pathlib.Path, kind: str) -> None:
    file = "full.yaml" if kind == "command" else "full.py"
    stoker.write(file, FILLS[kind])
    store = str(small_disk / "store")
    done = stoker.run(file, "--store", store)
    assert done.code in (1, 3), done.err
    # Who fails depends on who writes next: the step, or the database, which says how to go on.
    said = done.out + done.err
    assert "space" in said.lower(), said
    for scratch in pathlib.Path(store).rglob("big"):
        scratch.unlink()
    shown = json.loads(stoker("runs", "show", "--json", "--store", store).out)
    assert shown["state"] in ("failed", "interrupted")
    assert next(step for step in shown["steps"] if step["step"] == "before")["state"] == "succeeded", "nothing is lost"
    # The next run on the same store is as any other.
    stoker.write(
        "after.yaml",
        "apiVersion: stoker.dev/v1beta1\nkind: Pipeline\nname: after\nsteps: [{name: a, command: {run: [echo, ok]}}]\n",
    )
    assert stoker.run("after.yaml", "--store", store).code == 0


# --- the clock ------------------------------------------------------------------------------------------------------

# What the program hears of the wall clock is moved by the seconds in a file; time as such (CLOCK_MONOTONIC) goes on.
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  const char *file = getenv("CLOCK_SHIFT");
  FILE *stream = clock == CLOCK_REALTIME && file ? fopen(file, "r") : NULL;
  if (stream) {
    long shift = 0;
    if (fscanf(stream, "%ld", &shift) == 1) now->tv_sec += shift;
    fclose(stream);
  }
  return result;
}
"""


@pytest.fixture
def clock(stoker: Stoker, tmp_path: pathlib.Path) -> pathlib.Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    source, library, shift = tmp_path / "shim.c", tmp_path / "shim.so", tmp_path / "shift"
    source.write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    shift.write_text("0")
    stoker.environment.update(LD_PRELOAD=str(library), CLOCK_SHIFT=str(shift))
    return shift


@pytest.mark.parametrize("jump", [86_400 * 30, -86_400 * 30])
def test_a_clock_that_jumps(stoker: Stoker, clock: pathlib.Path, jump: int) -> None:
    gates = [stoker.folder / "one", stoker.folder / "two"]
    for gate in gates:
        os.mkfifo(gate)
    stoker.write(
        "jump.yaml",
        f"""
        apiVersion: stoker.dev/v1beta1
        kind: Pipeline
        name: jump
        timeout: 1h
        steps:
          - {{name: before, timeout: 1h, command: {{run: [cat, "{gates[0]}"]}}}}
          - {{name: after, needs: [before], timeout: 1h, command: {{run: [cat, "{gates[1]}"]}}}}
          - {{name: late, needs: [after], timeout: 200ms, command: {{run: [sleep, "1000"]}}}}
        """,
    )
    program = stoker.start("run", "jump.yaml", "--json")
    for gate, shift in zip(gates, (jump, 0)):  # there, and back
        with gate.open("w"):  # the step has begun
            clock.write_text(str(shift))
    out, err = program.communicate(timeout=120)
    done = Outcome(program.returncode, out, err)
    assert done.code == 1, err
    assert done.step("before")["type"] == done.step("after")["type"] == "step.succeeded", "no jump ends a step early"
    assert done.step("late")["class"] == "timeout", "no jump keeps a step for ever"
    for step in ("before", "after", "late"):
        assert 0 <= done.step(step)["duration_ms"] < 3_600_000, done.step(step)
    assert 0 <= done.finished["duration_ms"] < 3_600_000
    assert stoker("runs", "show").code == 0
