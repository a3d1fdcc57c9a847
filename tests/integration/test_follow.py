"""Following a run from another terminal: `runs logs --follow` and `runs show --follow` while the engine is another process."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import select
import signal
import subprocess
from typing import Any, Iterator

import pytest
from conftest import Stoker

LIMIT_SECONDS = 120.0
HEAD = "apiVersion: stoker.dev/v1beta1\nkind: Pipeline\nname: followed\nsteps:\n"


class Lines:
    """The lines of a process as they come; a line that does not come is a failure, not a hang."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.fd = process.stdout.fileno()
        self.rest = b""

    def next(self) -> str:
        """ "" at the end."""
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.fd], [], [], LIMIT_SECONDS)
            assert ready, f"no more output; so far: {self.rest!r}"
            chunk = os.read(self.fd, 65536)
            if not chunk:
                line, self.rest = self.rest, b""
                return line.decode()
            self.rest += chunk
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode()

    def until(self, word: str) -> list[str]:
        found = []
        while True:
            line = self.next()
            assert line, f"it ended without {word}: {found}"
            found.append(line)
            if word in line:
                return found

    def all(self) -> list[str]:
        return list(iter(self.next, ""))


class Scene:
    """A run in one process, held at gates that the test opens, and followers in others."""

    def __init__(self, stoker: Stoker) -> None:
        self.stoker = stoker
        self.processes: list[subprocess.Popen[str]] = []
        self.gates: list[pathlib.Path] = []

    def gate(self, name: str) -> pathlib.Path:
        path = self.stoker.folder / name
        os.mkfifo(path)
        self.gates.append(path)
        return path

    def open(self, gate: pathlib.Path) -> None:
        """Once for each gate: who comes to a gate while it stands open passes too."""
        with gate.open("w"):
            pass

    def start(self, *arguments: str) -> Lines:
        process = self.stoker.start(*arguments, stderr=subprocess.STDOUT)
        self.processes.append(process)
        return Lines(process)

    def run(self, steps: str) -> Lines:
        self.stoker.write("followed.yaml", HEAD + steps)
        lines = self.start("run", "followed.yaml", "--json")
        lines.until('"attempt.started"')
        return lines


@pytest.fixture
def scene(stoker: Stoker) -> Iterator[Scene]:
    made = Scene(stoker)
    yield made
    for gate in made.gates:  # for who still waits: a killed engine leaves what its step started
        with contextlib.suppress(OSError):
            os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
    for process in made.processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def step(name: str, script: str, more: str = "") -> str:
    return f"  - name: {name}\n    command: {{script: {json.dumps(script)}}}\n{more}"


def test_lines_come_as_they_are_written(scene: Scene) -> None:
    gates = [scene.gate(name) for name in ("one", "two")]
    run = scene.run(step("work", f"echo early; cat {gates[0]}; echo middle; cat {gates[1]}; echo late"))
    follower = scene.start("runs", "logs", "latest", "work", "--follow", "--stream", "stdout")
    assert follower.next() == "early", "what was there before the follower"
    scene.open(gates[0])
    assert follower.next() == "middle", "what is written while it looks on"
    scene.open(gates[1])
    assert follower.all() == ["late"]
    assert follower.process.wait(LIMIT_SECONDS) == 0
    assert '"succeeded"' in run.all()[-1]


def test_a_step_that_has_not_started_yet(scene: Scene) -> None:
    gate = scene.gate("gate")
    scene.run(step("first", f"echo no; cat {gate}") + step("second", "echo one; echo two", "    needs: [first]\n"))
    follower = scene.start("runs", "logs", "latest", "second", "-f", "--stream", "stdout")
    missing = scene.stoker("runs", "logs", "latest", "secnod", "-f")
    assert missing.code == 2 and "second" in missing.err
    scene.open(gate)
    assert follower.all() == ["one", "two"]


def test_every_attempt_and_every_log_in_order(scene: Scene) -> None:
    gate = scene.gate("gate")
    script = f"echo attempt $STOKER_ATTEMPT; echo oops >&2; test $STOKER_ATTEMPT = 2 || {{ cat {gate}; exit 1; }}"
    scene.run(step("work", script, "    retry: {attempts: 1, backoff: 10ms}\n"))
    follower = scene.start("runs", "logs", "latest", "--follow")
    seen = follower.until("oops")
    scene.open(gate)
    seen += follower.all()
    heads, lines = seen[::2], seen[1::2]
    assert [head.split(",")[1] for head in heads] == [" attempt 1"] * 2 + [" attempt 2"] * 2
    # Two files have no order between them.
    for stream, words in (("stdout", ["attempt 1", "attempt 2"]), ("stderr", ["oops", "oops"])):
        assert [line for head, line in zip(heads, lines) if head.endswith(f"{stream} <==")] == words


def test_lines_of_steps_side_by_side_are_not_cut(scene: Scene) -> None:
    gates = [scene.gate(name) for name in ("one", "two")]
    halves = [f"printf half; cat {gate}; echo ' and half'" for gate in gates]
    scene.run(step("a", halves[0]) + step("b", halves[1]))
    follower = scene.start("runs", "logs", "latest", "--follow", "--stream", "stdout")
    for gate in gates:
        scene.open(gate)
    lines = follower.all()
    assert [line for line in lines if not line.startswith("==>")] == ["half and half"] * 2, lines


def test_a_follower_ends_with_a_killed_engine(scene: Scene) -> None:
    gate = scene.gate("gate")
    run = scene.run(step("work", f"echo early; cat {gate}"))
    followers = [
        scene.start("runs", "logs", "--follow", "--stream", "stdout"),
        scene.start("runs", "show", "--follow", "--plain"),
    ]
    followers[0].until("early")
    followers[1].until("work started")
    run.process.send_signal(signal.SIGKILL)
    for follower in followers:
        assert "stoker runs resume" in follower.all()[-1]
        assert follower.process.wait(LIMIT_SECONDS) == 0


def events(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def test_every_event_is_told_once_and_in_order(scene: Scene) -> None:
    gate = scene.gate("gate")
    each = "    foreach: {items: '${{ range(40) }}'}\n    needs: [work]\n"
    run = scene.run(step("work", f"cat {gate}") + step("each", "true", each))
    followers = [scene.start("runs", "show", "--follow", "--json") for _ in range(2)]
    followers[0].until('"step.started"')
    scene.open(gate)
    stored = [event["seq"] for event in events(run.all()) if "seq" in event]
    for follower in followers:
        told = [event["seq"] for event in events(follower.all()) if "seq" in event]
        assert told == list(range(told[0], stored[-1] + 1))
        assert follower.process.wait(LIMIT_SECONDS) == 0
    # A run that has ended is told from its beginning.
    again = events(scene.stoker("runs", "show", "--follow", "--json").out.splitlines())
    assert [event["seq"] for event in again] == list(range(1, stored[-1] + 1))


def test_progress_reaches_a_follower(scene: Scene) -> None:
    before, after = scene.gate("before"), scene.gate("after")
    scene.stoker.write(
        "p.py",
        f"""
        from stoker import context, pipeline, step

        @step
        def work() -> int:
            open({str(before)!r}).close()
            context().progress(3, 10, "reading")
            open({str(after)!r}).close()
            return 1

        @pipeline
        def followed() -> None:
            work()
        """,
    )
    run = scene.start("run", "p.py", "--json")
    run.until('"attempt.started"')
    follower = scene.start("runs", "show", "--follow", "--json")
    follower.until('"step.started"')
    scene.open(before)
    told = json.loads(follower.until('"progress"')[-1])
    assert (told["done"], told["total"], told["label"]) == (3, 10, "reading")
    scene.open(after)
    assert json.loads(follower.all()[-1])["type"] == "run.finished"


def test_interrupting_a_follower_leaves_the_run_alone(scene: Scene) -> None:
    gate = scene.gate("gate")
    run = scene.run(step("work", f"echo early; cat {gate}"))
    follower = scene.start("runs", "logs", "--follow")
    follower.until("early")
    follower.process.send_signal(signal.SIGINT)
    assert follower.process.wait(LIMIT_SECONDS) == 130
    scene.open(gate)
    assert '"succeeded"' in run.all()[-1]
