"""The built program, driven as a user would: each test has a folder, a store and an environment of its own."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from typing import Any, Iterator

import pytest

pytest_plugins = ["cluster_fixtures", "submission_fixtures"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("STOKER_BIN", str(ROOT / "build/release/src/app/stoker"))
# A shell that starts the tests in the background has them ignore these, and what they start would too.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
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

    @property
    def outputs(self) -> dict[str, Any]:
        """The run's outputs that are plain values."""
        return {name: record["value"] for name, record in self.finished["outputs"].items()}

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
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            text=True,
            **options,
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


def make_stoker(folder: pathlib.Path) -> Stoker:
    """A project, a store and a user of their own below `folder`."""
    project = folder / "project"
    (project / ".stoker").mkdir(parents=True, mode=0o700)
    home = folder / "home"
    home.mkdir()
    kept = {
        name: os.environ[name] for name in ("PATH", "JAVA_HOME", "LANG", "PYTHONPATH", "TMPDIR") if name in os.environ
    }
    # The interpreter that runs the tests has pyspark and the libraries that the examples need.
    kept["PATH"] = str(pathlib.Path(sys.executable).parent) + os.pathsep + kept.get("PATH", "")
    kept["VIRTUAL_ENV"] = str(pathlib.Path(sys.executable).parent.parent)
    kept["HOME"] = str(home)
    # The pool of warm JVMs is the user's; by default each test is a user of its own.
    for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
        kept[name] = str(folder / name.lower())
        pathlib.Path(kept[name]).mkdir(mode=0o700, exist_ok=True)
    return Stoker(project, kept)


@pytest.fixture
def stoker(tmp_path: pathlib.Path) -> Stoker:
    return make_stoker(tmp_path)


@pytest.fixture(scope="session")
def spark_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables of one user for all Spark tests of a session: they share warm JVMs and the class archive, as a user's runs do."""
    folder = tmp_path_factory.mktemp("spark-user")
    variables = {}
    for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
        variables[name] = str(folder / name.lower())
        pathlib.Path(variables[name]).mkdir(mode=0o700)
    yield variables
    subprocess.run(
        [PROGRAM, "workers", "stop"],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )


@pytest.fixture
def spark(stoker: Stoker, spark_user: dict[str, str]) -> Stoker:
    """As `stoker`, for pipelines with Spark steps."""
    stoker.environment.update(spark_user)
    return stoker
