"""`pipeline.run(…)`: from a file, from a script, by value, with parameters, failures and interrupts."""

import os
import pathlib
import signal
import subprocess
import sys
from typing import Any, Iterator

import pytest
from sdk_helpers import loaded, write_project

import stoker
from stoker import _program, _run

FAKE = pathlib.Path(__file__).resolve().parent / "fake_program.py"

SOURCE = """
from typing import Dict, List, NamedTuple, Optional
import datetime
from stoker import File, Secret, context, pipeline, step

class Parts(NamedTuple):
    small: List[int]
    big: List[int]

@step
def numbers(count: int) -> List[int]:
    context().log_metrics(count=count)
    return list(range(count))

@step
def split(data: List[int]) -> Parts:
    return Parts(data[:2], data[2:])

@step
def day(data: List[int]) -> datetime.date:
    return datetime.date(2020, 1, len(data))

@step
def length(path: File) -> int:
    return len(path.read_text())

@step
def broken(data: List[int]) -> int:
    missing = [n for n in data if n > 100]
    return missing[0]

@step
def slow(data: List[int]) -> int:
    import time
    time.sleep(60)
    return 1

@pipeline
def main(count: int = 5, path: File = File("input.txt")) -> Parts:
    data = numbers(count)
    parts = split(data)
    day(data)
    length(path)
    return parts

@pipeline
def failing() -> None:
    data = numbers(3)
    day.options(after=[broken(data)])(data)

@pipeline
def sleeping() -> int:
    return slow(numbers(3))
"""


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("STOKER_BIN", str(FAKE))
    monkeypatch.setenv("STOKER_STORE", str(tmp_path / "store"))


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Iterator[Any]:
    made = loaded(tmp_path, SOURCE)
    (made.folder / "input.txt").write_text("12345")
    yield made
    made.close()


def test_a_run_gives_outputs_metrics_and_states(project: Any, capfd: pytest.CaptureFixture[str]) -> None:
    run = project.module.main.run(count=4)
    assert run.state == "succeeded" and run.pipeline == "main" and run.id
    assert list(run.steps) == ["numbers", "split", "day", "length"]
    assert run.steps["numbers"].output == [0, 1, 2, 3]
    assert run.steps["split"].outputs == {"small": [0, 1], "big": [2, 3]}
    assert run.steps["split"]["big"] == [2, 3]
    assert str(run.steps["day"].output) == "2020-01-04"
    assert run.steps["length"].output == 5
    assert run.outputs == {"small": [0, 1], "big": [2, 3]}
    assert run.metrics == {"count": 4}
    assert run.parameters == {"count": 4, "path": "input.txt"}
    said = capfd.readouterr().err
    assert "✓  numbers  succeeded" in said and "run 20260101-000000-abcd succeeded" in said
    assert "numbers" in str(run) and "<div" in run._repr_html_()


def test_unknown_steps_and_outputs_name_the_nearest(project: Any) -> None:
    run = project.module.main.run()
    with pytest.raises(KeyError, match="did you mean 'numbers'"):
        run.steps["number"]
    with pytest.raises(KeyError, match="did you mean 'small'"):
        run.steps["split"]["smal"]
    with pytest.raises(stoker.StokerError, match="has no single output; it has small, big"):
        _ = run.steps["split"].output


def test_parameters_of_all_kinds_reach_the_program(project: Any, tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("123456789")
    assert project.module.main.run(path=stoker.File(other)).steps["length"].output == 9
    assert project.module.main.run(path=other).steps["length"].output == 9
    import enum

    colour = enum.Enum("Colour", {"RED": "red"})
    value = {"a": (1, 2), "b": colour.RED, "c": stoker.Secret("db"), "d": stoker.File("s3://x/y"), "e": {3, 1}}  # type: ignore[attr-defined]
    assert _run._parameter(value) == {"a": [1, 2], "b": "red", "c": "db", "d": "s3://x/y", "e": [1, 3]}


def test_wrong_parameters_are_refused_before_anything_starts(project: Any) -> None:
    with pytest.raises(stoker.CompileError, match="has no argument 'cuont', did you mean 'count'"):
        project.module.main.run(cuont=3)


def test_a_failed_run_says_step_reason_log_and_how_to_resume(project: Any) -> None:
    with pytest.raises(stoker.RunFailed) as caught:
        project.module.failing.run()
    text = str(caught.value)
    assert "step broken: IndexError: list index out of range" in text
    assert "return missing[0]" in text and "_worker" not in text
    assert "log: " in text and "stoker runs resume 20260101-000000-abcd" in text
    assert len(text.splitlines()) < 15
    run = caught.value.run
    assert (run.state, run.steps["broken"].state, run.steps["day"].state) == ("failed", "failed", "skipped")


def test_what_the_program_refuses_is_told(
    project: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    refusing = tmp_path / "stoker"
    refusing.write_text("#!/bin/sh\necho 'error: no such thing' >&2\nexit 2\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("STOKER_BIN", str(refusing))
    with pytest.raises(stoker.RunFailed, match="error: no such thing"):
        project.module.main.run()


def _interrupted(project: Any, monkeypatch: pytest.MonkeyPatch, times: int) -> Any:
    """A run that gets Ctrl-C `times` times while its step `slow` works."""
    from stoker import _view

    seen = []

    class Watching(_view.LinesView):
        def update(self, run: Any, event: Any) -> None:
            if event["type"] == "step.started" and event["step"] == "slow":
                seen.append(run)
                for _ in range(times):
                    os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(_view, "view", Watching)
    # A shell that starts the tests in the background has them ignore interrupts, and Python then sets up none.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            project.module.sleeping.run()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    return seen[0]


def test_an_interrupt_cancels_the_run(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _interrupted(project, monkeypatch, times=1).state == "cancelled"


def test_a_third_interrupt_does_not_wait_for_the_run(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _interrupted(project, monkeypatch, times=3).state == "running"


def test_a_script_runs_its_own_pipeline(tmp_path: pathlib.Path) -> None:
    script = (
        SOURCE + "\nif __name__ == '__main__':\n    run = main.run(count=3)\n    print(run.steps['numbers'].output)\n"
    )
    folder = write_project(tmp_path / "script", {"pipeline.py": script, "input.txt": "1"})
    environment = {**os.environ, "PYTHONPATH": str(FAKE.parents[1])}
    done = subprocess.run([sys.executable, "pipeline.py"], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[0, 1, 2]\n"


BY_VALUE = """
from stoker import pipeline, step
factor = 3
def times(x):
    return x * factor
def make():
    offset = 10
    @step
    def inner(x: int) -> int:
        return times(x) + offset
    @pipeline
    def made(x: int = 1) -> int:
        return inner(inner(x))
    return made
made = make()
"""


def test_functions_without_a_name_travel_by_value(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cloudpickle")
    script = BY_VALUE + "\nif __name__ == '__main__':\n    del made\n    print(make().run(x=2).output)\n"
    folder = write_project(tmp_path / "script", {"other.py": script})
    environment = {**os.environ, "PYTHONPATH": str(FAKE.parents[1])}
    done = subprocess.run([sys.executable, "other.py"], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "58\n"
    assert sorted(path.name for path in folder.iterdir()) == ["other.py", "pyproject.toml"]


def test_the_program_is_found_and_missing_is_said(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOKER_BIN", str(tmp_path / "none"))
    with pytest.raises(stoker.StokerError, match="STOKER_BIN names"):
        _program.find_program()
    monkeypatch.delenv("STOKER_BIN")
    monkeypatch.setattr(_program, "_candidates", lambda: [str(tmp_path / "stoker")])
    with pytest.raises(stoker.StokerError, match="pip install stoker"):
        _program.find_program()
    (tmp_path / "stoker").write_text('#!/bin/sh\necho ran "$@"\n')
    (tmp_path / "stoker").chmod(0o755)
    assert _program.find_program() == str(tmp_path / "stoker")


def test_python_m_stoker_is_the_program(tmp_path: pathlib.Path) -> None:
    program = tmp_path / "stoker"
    program.write_text('#!/bin/sh\necho ran "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(FAKE.parents[1]), "STOKER_BIN": str(program)}
    done = subprocess.run([sys.executable, "-m", "stoker", "version"], env=environment, capture_output=True, text=True)
    assert done.stdout == "ran version\n"
