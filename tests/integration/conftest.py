"""The built program, driven as a user would: each test has a folder, a store and an environment of its own."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("STOKER_BIN", str(ROOT / "build/release/src/app/stoker"))
# A hang is a failure, not a stuck CI.
LIMIT_SECONDS = 300


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def finished(self) -> dict[str, Any]:
        last = self.events[-1]
        assert last["type"] == "run.finished", last
        return last

    def steps(self, kind: str) -> list[str]:
        """The paths of the steps that had this event, in order."""
        return [event["step"] for event in self.events if event["type"] == kind]

    def step(self, path: str) -> dict[str, Any]:
        """The event that ended a step."""
        ends = ("step.succeeded", "step.failed", "step.skipped", "step.cancelled")
        found = [event for event in self.events if event.get("step") == path and event["type"] in ends]
        assert found, f"no end of {path} in: {self.out}\n{self.err}"
        return found[-1]


@dataclass
class Stoker:
    folder: pathlib.Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> pathlib.Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def command(self, *arguments: str) -> list[str]:
        return [PROGRAM, *arguments]

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(
            self.command(*arguments), cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, text=True, **options
        )

    def __call__(self, *arguments: str, **environment: str) -> Outcome:
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_SECONDS,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def run(self, *arguments: str, **environment: str) -> Outcome:
        return self("run", *arguments, "--json", **environment)


@pytest.fixture
def stoker(tmp_path: pathlib.Path) -> Stoker:
    folder = tmp_path / "project"
    (folder / ".stoker").mkdir(parents=True, mode=0o700)
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "JAVA_HOME", "LANG", "PYTHONPATH", "TMPDIR") if name in os.environ}
    # The interpreter that runs the tests has pyspark and the libraries that the examples need.
    kept["PATH"] = str(pathlib.Path(sys.executable).parent) + os.pathsep + kept.get("PATH", "")
    kept["VIRTUAL_ENV"] = str(pathlib.Path(sys.executable).parent.parent)
    # The pool of warm JVMs is the user's, shared by the tests of this session, and keeps its class archive in the user's cache.
    kept["HOME"] = str(home)
    for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
        kept[name] = os.environ.get(f"STOKER_TEST_{name}", str(tmp_path / name.lower()))
        pathlib.Path(kept[name]).mkdir(mode=0o700, exist_ok=True)
    return Stoker(folder, kept)
