"""Kill -9 at any moment: no step that had finished runs again, no two attempts of a step overlap, nothing is left behind.

The judge is not our database: each step appends (step, attempt, what) to one file with O_APPEND and fsync, before and after its work. A seed decides
what is killed and when; a failure prints it, and STOKER_KILL_SEED replays it. STOKER_KILLS sets how many kills a run of the tests makes.
"""

from __future__ import annotations

import json
import os
import pathlib
import random
import signal
import subprocess
import time

import psutil
import pytest
from conftest import Stoker

KILLS = int(os.environ.get("STOKER_KILLS", "12"))
FIRST_SEED = int(os.environ.get("STOKER_KILL_SEED", "1"))

NOTE = 'note() { printf "%s %s %s\\n" "$STOKER_STEP" "$STOKER_ATTEMPT" "$1" | dd of="$TRACE" oflag=append conv=notrunc,fsync status=none; }\n'
WORK = "note begin; read -r _ < /dev/null || true; i=0; while [ $i -lt 400 ]; do i=$((i+1)); done; note end\n"


def document(trace: pathlib.Path) -> dict:
    def step(name: str, **more: object) -> dict:
        return {"name": name, "command": {"script": NOTE + WORK}, "env": {"TRACE": str(trace)}, **more}

    return {
        "apiVersion": "stoker.dev/v1beta1",
        "kind": "Pipeline",
        "name": "killed",
        "steps": [
            step("first"),
            step("left", needs=["first"]),
            step("right", needs=["first"]),
            step("each", needs=["left"], foreach=[1, 2, 3, 4]),
            step("last", needs=["each", "right"]),
        ],
        "finally": [step("report")],
    }


STEPS = ["first", "left", "right", "each[0]", "each[1]", "each[2]", "each[3]", "last", "report"]


def lines_of(trace: pathlib.Path) -> list[tuple[str, int, str]]:
    rows = []
    for line in trace.read_text().splitlines() if trace.exists() else []:
        step, attempt, what = line.split()
        rows.append((step, int(attempt), what))
    return rows


def succeeded(text: str) -> set[str]:
    found = set()
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # cut by the kill
        if event["type"] == "step.succeeded":
            found.add(event["step"])
    return found


def strays(run: str) -> list[psutil.Process]:
    """Processes of any attempt of the run that are still alive."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("STOKER_RUN") == run:
                found.append(process)
        except psutil.Error:
            pass
    return found


def kill_something(program: subprocess.Popen[str], chance: random.Random) -> str:
    """SIGKILL for the program, or for one of the processes below it. Says which."""
    try:
        children = psutil.Process(program.pid).children(recursive=True)
    except psutil.Error:
        children = []
    if children and chance.random() < 0.3:
        victim = chance.choice(children)
        try:
            victim.kill()
            return "worker"
        except psutil.Error:
            return "nothing"
    if program.poll() is None:
        program.send_signal(signal.SIGKILL)
        return "program"
    return "nothing"


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + KILLS))
def test_no_step_is_lost_or_doubled(stoker: Stoker, seed: int) -> None:
    chance = random.Random(seed)
    trace = stoker.folder / "trace"
    stoker.write("killed.json", json.dumps(document(trace)))
    out = stoker.folder / "events.jsonl"
    finished: set[str] = set()
    arguments: tuple[str, ...] = ("run", "killed.json", "--json")
    run = ""
    for _ in range(20):
        before = lines_of(trace)
        with out.open("w") as stream:
            program = stoker.start(*arguments, stdout=stream, stderr=subprocess.DEVNULL)
            try:
                program.wait(timeout=chance.uniform(0.0, 1.0))
            except subprocess.TimeoutExpired:
                kill_something(program, chance)
            # A killed worker is the program's to deal with: it fails the step or retries it, and ends.
            code = program.wait(timeout=60)
        text = out.read_text()
        for step, _, _ in lines_of(trace)[len(before) :]:
            assert step not in finished, f"seed {seed}: {step} ran again after it had finished"
        finished |= succeeded(text)
        runs = json.loads(stoker("runs", "list", "--json").out or "[]") if (stoker.folder / ".stoker/stoker.db").exists() else []
        if not runs:
            continue  # killed before the run existed: the same command again
        run = runs[0]["run"]
        if code == -signal.SIGKILL:
            assert runs[0]["state"] in ("interrupted", "succeeded"), f"seed {seed}: {runs[0]}"
        if runs[0]["state"] == "succeeded":
            break
        arguments = ("runs", "resume", run, "--json")
    else:
        pytest.fail(f"seed {seed}: the run did not end")

    ends = [step for step, _, what in lines_of(trace) if what == "end"]
    assert sorted(set(ends)) == sorted(STEPS), f"seed {seed}"
    # Attempts of a step do not overlap: once a later attempt began, an earlier one writes nothing.
    latest: dict[str, int] = {}
    for step, attempt, _ in lines_of(trace):
        assert attempt >= latest.get(step, 0), f"seed {seed}: attempt {attempt} of {step} still wrote after {latest[step]} began"
        latest[step] = attempt
    deadline = time.monotonic() + 10
    while strays(run) and time.monotonic() < deadline:
        psutil.wait_procs(strays(run), timeout=1)
    assert not strays(run), f"seed {seed}"
