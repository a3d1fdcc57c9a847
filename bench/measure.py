"""What a command costs: CPU, wall time and memory of everything that it started, also of what outlives it.

A pool of warm JVMs lives on after the command that made it, and works for commands that are not its parents. So the
measuring process is the subreaper of all: what is started here stays a descendant of it. A measurement counts

- what ended: the resource usage of each child and orphan, as the kernel reports it when it is reaped;
- what lives on (a pool daemon, its JVMs): its CPU clock, read from /proc once nothing moves any more, so that the
  cleaning up after a lease counts as well;
- less the clocks of all that lived before. What ends meanwhile moves into the clock of whoever waited for it, so the
  sum counts nothing twice.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLE_SECONDS = 0.25
# A pool that has put a JVM back in order uses less than a tick in this time.
SETTLED_SECONDS = 1.0
SETTLE_LIMIT_SECONDS = 30.0


@dataclass
class Figure:
    cpu: float  # seconds, user + system
    java_cpu: float  # of it, in JVMs; sampled for those that ended, so up to a quarter of a second too low for each
    wall: float
    rss_mb: float  # of the largest single process
    tree_mb: float  # peak of the sum over all processes; pages that they share count more than once


@dataclass
class Process:
    parent: int
    name: str
    cpu: float  # with its children that were waited for
    own_cpu: float
    rss: int


def become_subreaper() -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants() -> Dict[int, Process]:
    """Of this process, by pid."""
    every: Dict[int, Process] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = pathlib.Path("/proc", entry, "stat").read_text(errors="replace")
        except OSError:
            continue
        name = text[text.index("(") + 1 : text.rindex(")")]
        fields = text[text.rindex(")") + 2 :].split()
        own = int(fields[11]) + int(fields[12])
        waited = int(fields[13]) + int(fields[14])
        every[int(entry)] = Process(int(fields[1]), name, (own + waited) / TICKS, own / TICKS, int(fields[21]) * PAGE)
    found: Dict[int, Process] = {}
    todo = [os.getpid()]
    while todo:
        parent = todo.pop()
        for pid, process in every.items():
            if process.parent == parent and pid not in found:
                found[pid] = process
                todo.append(pid)
    return found


class Sampler(threading.Thread):
    """Memory of the whole tree, and the CPU clocks of JVMs, while a command runs."""

    def __init__(self, before: Dict[int, Process]) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self.largest = 0
        self.java: Dict[int, float] = {}
        self._before = before
        self._done = threading.Event()
        self._own = os.getpid()

    def run(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self.take()

    def take(self) -> None:
        tree = descendants()
        self.peak = max(self.peak, sum(process.rss for process in tree.values()))
        self.largest = max([self.largest, *(process.rss for process in tree.values())])
        for pid, process in tree.items():
            if process.name == "java":
                started = self._before[pid].own_cpu if pid in self._before else 0.0
                self.java[pid] = process.own_cpu - started

    def stop(self) -> None:
        self._done.set()
        self.join()


@dataclass
class Outcome:
    figure: Figure
    code: int
    output: str


class Reaped:
    """What ended, as the kernel reported it."""

    def __init__(self) -> None:
        self.cpu = 0.0
        self.rss_mb = 0.0
        self.codes: Dict[int, int] = {}

    def take(self, block: bool) -> bool:
        """One more, if there is one."""
        try:
            pid, status, usage = os.wait4(-1, 0 if block else os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return False
        self.cpu += usage.ru_utime + usage.ru_stime
        self.rss_mb = max(self.rss_mb, usage.ru_maxrss / 1024)
        self.codes[pid] = os.waitstatus_to_exitcode(status)
        return True


def measure(command: List[str], environment: Dict[str, str], folder: pathlib.Path, limit_seconds: float) -> Outcome:
    """Runs the command to its end, and until what it left behind is quiet. Call become_subreaper() first."""
    log = folder / "output.log"
    before = descendants()
    sampler = Sampler(before)
    reaped = Reaped()
    started = time.monotonic()
    with log.open("wb") as out:
        child = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    sampler.start()
    killer = threading.Timer(limit_seconds, child.kill)
    killer.start()
    wall: Optional[float] = None
    while wall is None and reaped.take(block=True):
        if child.pid in reaped.codes:
            wall = time.monotonic() - started
    killer.cancel()
    child.returncode = reaped.codes[child.pid]  # reaped here, not by Popen
    after = _settle(reaped)
    sampler.stop()
    sampler.take()
    figure = Figure(
        cpu=reaped.cpu + clocks(after) - clocks(before),
        java_cpu=sum(sampler.java.values()),
        wall=wall or 0.0,
        rss_mb=max(reaped.rss_mb, sampler.largest / 2**20),
        tree_mb=max(sampler.peak / 2**20, reaped.rss_mb),
    )
    return Outcome(figure, child.returncode, log.read_text(errors="replace")[-4000:])


def clocks(processes: Dict[int, Process]) -> float:
    return sum(process.cpu for process in processes.values())


def _settle(reaped: Reaped) -> Dict[int, Process]:
    """What lives on, once it is quiet; orphans that end meanwhile are reaped."""
    limit = time.monotonic() + SETTLE_LIMIT_SECONDS
    last: Tuple[float, Dict[int, Process]] = (-1.0, {})
    while True:
        while reaped.take(block=False):
            pass
        alive = {pid: process for pid, process in descendants().items() if pid not in reaped.codes}
        total = clocks(alive)
        if not alive or time.monotonic() > limit or (set(alive) == set(last[1]) and total - last[0] <= 1.5 / TICKS):
            return alive
        last = (total, alive)
        time.sleep(SETTLED_SECONDS)
