"""The live tree on a real pseudo-terminal, against a model of the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

import pyte
import pytest
from conftest import Stoker

PIPELINE = """
    apiVersion: stoker.dev/v1beta1
    kind: Pipeline
    name: shown
    steps:
      - name: first
        command: {run: [sh, -c, "read line < $PIPE"]}
        env: {PIPE: "${{ parameters.pipe }}"}
      - name: second
        command: {run: [echo, hello]}
        needs: [first]
    parameters:
      pipe: {type: string}
"""


class Terminal:
    def __init__(self, stoker: Stoker, columns: int, rows: int, *arguments: str, term: str = "xterm-256color") -> None:
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes = b""
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        environment = {**stoker.environment, "TERM": term, "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            stoker.command(*arguments),
            cwd=stoker.folder,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, text: str, seconds: float = 60.0) -> str:
        """What the screen shows once it shows `text`."""
        while text not in self.shown():
            ready, _, _ = select.select([self.master], [], [], seconds)
            assert ready, f"no {text!r} within {seconds} s on:\n{self.shown()}"
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            assert data, f"ended without {text!r}:\n{self.shown()}"
            self.bytes += data
            self.stream.feed(data)
        return self.shown()

    def read_all(self) -> str:
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                self.process.wait(timeout=30)
                os.close(self.master)
                return self.shown()
            self.bytes += data
            self.stream.feed(data)

    def shown(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()


def started(stoker: Stoker, columns: int, rows: int, **options: str) -> tuple[Terminal, str]:
    stoker.write("shown.yaml", PIPELINE)
    pipe = stoker.folder / "pipe"
    os.mkfifo(pipe)
    return Terminal(stoker, columns, rows, "run", "shown.yaml", "--set", f"pipe={pipe}", **options), str(pipe)


def let_go(pipe: str) -> None:
    with open(pipe, "w") as stream:
        stream.write("go\n")


def test_the_tree_follows_the_run_in_place(stoker: Stoker) -> None:
    terminal, pipe = started(stoker, 80, 24)
    shown = terminal.read_until("● first")
    assert "· second" in shown
    let_go(pipe)
    shown = terminal.read_all()
    assert terminal.process.returncode == 0
    assert "✓ first" in shown and "✓ second" in shown
    assert shown.count("✓ first") == 1, "the tree is drawn once, not scrolled"
    assert "succeeded" in shown


def test_narrow_terminals_get_narrow_lines(stoker: Stoker) -> None:
    terminal, pipe = started(stoker, 30, 10)
    terminal.read_until("● first")
    let_go(pipe)
    shown = terminal.read_all()
    assert "✓ second" in shown
    assert shown.count("second") == 1


def test_resizing_redraws_without_leftovers(stoker: Stoker) -> None:
    terminal, pipe = started(stoker, 100, 24)
    terminal.read_until("● first")
    terminal.resize(40, 24)
    os.kill(terminal.process.pid, signal.SIGWINCH)
    let_go(pipe)
    shown = terminal.read_all()
    assert "✓ second" in shown
    assert shown.count("✓ first") == 1, shown


def test_a_dumb_terminal_gets_plain_lines(stoker: Stoker) -> None:
    terminal, pipe = started(stoker, 80, 24, term="dumb")
    terminal.read_until("first started")
    let_go(pipe)
    terminal.read_all()
    assert b"\x1b" not in terminal.bytes
    assert terminal.process.returncode == 0


def test_control_c_cancels_in_order(stoker: Stoker) -> None:
    terminal, _ = started(stoker, 80, 24)
    terminal.read_until("● first")
    os.kill(terminal.process.pid, signal.SIGINT)
    shown = terminal.read_all()
    assert terminal.process.returncode == 130
    assert "cancelled" in shown


FAN_OUT = """
    apiVersion: stoker.dev/v1beta1
    kind: Pipeline
    name: fan
    parallelism: 40
    steps:
      - name: each
        foreach: "${{ range(200) }}"
        command: {script: 'if [ "$ITEM" -lt 30 ]; then read line < "$PIPE"; fi'}
        env: {ITEM: "${{ item }}", PIPE: "${{ parameters.pipe }}"}
      - name: last
        command: {run: ["true"]}
        needs: [each]
    parameters:
      pipe: {type: string}
"""


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (50, 24), (80, 8)])
def test_a_wide_fan_out_stays_on_the_screen(stoker: Stoker, columns: int, rows: int) -> None:
    stoker.write("fan.yaml", FAN_OUT)
    pipe = stoker.folder / "pipe"
    os.mkfifo(pipe)
    terminal = Terminal(stoker, columns, rows, "run", "fan.yaml", "--set", f"pipe={pipe}", "--parallelism", "40")
    shown = terminal.read_until("170/200")
    assert "fan" in shown.splitlines()[0], "the header never scrolls away"
    assert shown.count("● each[") > 0 and shown.count("last") == 1
    assert len(shown.splitlines()) < rows
    with open(pipe, "w") as stream:
        stream.write("go\n" * 30)
        stream.flush()
        shown = terminal.read_all()
    assert terminal.process.returncode == 0
    assert "200/200" in shown and "✓ last" in shown and "● each[" not in shown


def test_no_color_is_honoured(stoker: Stoker) -> None:
    stoker.environment["NO_COLOR"] = "1"
    terminal, pipe = started(stoker, 80, 24)
    terminal.read_until("● first")
    let_go(pipe)
    terminal.read_all()
    assert not re.search(rb"\x1b\[[0-9;]*m", terminal.bytes)
    assert b"\x1b[?25l" in terminal.bytes, "the tree is still drawn in place"


def test_a_cancel_is_seen_to_be_heard(stoker: Stoker) -> None:
    stoker.write(
        "stubborn.yaml",
        PIPELINE.replace(
            "read line < $PIPE", "trap 'read line < $PIPE; exit 1' TERM; echo > $PIPE; while :; do sleep 0.1; done"
        ),
    )
    pipe = stoker.folder / "pipe"
    os.mkfifo(pipe)
    terminal = Terminal(stoker, 80, 24, "run", "stubborn.yaml", "--set", f"pipe={pipe}")
    pipe.read_text()
    os.kill(terminal.process.pid, signal.SIGINT)
    terminal.read_until("cancelling")
    let_go(str(pipe))
    text = terminal.read_all()
    assert "cancelled in" in text
    assert "finish this run with: stoker runs resume " in text
    assert terminal.process.returncode == 130
