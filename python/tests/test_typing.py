"""The page of the specification, the examples and the `init` scaffold pass strict type checkers as a user's project."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
from typing import List, Set

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent / "typing"
PACKAGE_FOLDER = REPOSITORY / "python"
# An installed package's own lines are never reported to its users: `silent` is what site-packages gets.
MYPY_SETTINGS = """
[mypy]
strict = true
[mypy-stoker.*]
follow_imports = silent
[mypy-sklearn.*,pandas.*]
ignore_missing_imports = true
"""


def _has(module: str) -> bool:
    from importlib import util

    return util.find_spec(module) is not None


CHECKERS = [name for name in ("mypy", "pyright") if _has(name)]
PYSPARK = _has("pyspark")


def programs() -> List[pathlib.Path]:
    files = [HERE / "page" / "pipeline.py", *sorted((REPOSITORY / "examples").glob("*/pipeline.py"))]
    return [file for file in files if PYSPARK or "pyspark" not in file.read_text()]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The checker's settings and its cache of what the programs import: pyspark and pandas take most of the time, and need it once."""
    return tmp_path_factory.mktemp("settings")


def check(checker: str, file: pathlib.Path, settings: pathlib.Path) -> "tuple[int, Set[int], str]":
    """(exit code, lines with errors, output)"""
    if checker == "mypy":
        ini = settings / "mypy.ini"
        ini.write_text(MYPY_SETTINGS)
        command = [
            sys.executable,
            "-m",
            "mypy",
            "--config-file",
            str(ini),
            "--cache-dir",
            str(settings / "cache"),
            str(file),
        ]
        environment = {"MYPYPATH": str(PACKAGE_FOLDER), "PATH": "/usr/bin:/bin", "HOME": str(settings)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=file.parent)
        found = re.findall(r"\.py:(\d+): error", done.stdout)
    else:
        config = {"extraPaths": [str(PACKAGE_FOLDER)], "include": [str(file)], "typeCheckingMode": "standard"}
        (settings / "pyrightconfig.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "-p", str(settings)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=settings)
        found = re.findall(r"\.py:(\d+):\d+ - error", done.stdout)
    return done.returncode, {int(line) for line in found}, done.stdout + done.stderr


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("file", programs(), ids=lambda file: str(file.parent.name))
def test_programs_pass(checker: str, file: pathlib.Path, settings: pathlib.Path) -> None:
    code, _, output = check(checker, file, settings)
    assert code == 0, output


@pytest.mark.parametrize("checker", CHECKERS)
def test_the_scaffold_of_init_passes(checker: str, settings: pathlib.Path, tmp_path: pathlib.Path) -> None:
    text = (REPOSITORY / "src/cli/verbs/init_verb.cc").read_text()
    scaffold = re.search(r'\{"pipeline\.py", R"\((.*?)\)"\}', text, re.DOTALL)
    assert scaffold is not None
    file = tmp_path / "project" / "pipeline.py"
    file.parent.mkdir()
    file.write_text(scaffold.group(1).replace("NAME", "first"))
    code, _, output = check(checker, file, settings)
    assert code == 0, output


if PYSPARK:

    @pytest.mark.parametrize("checker", CHECKERS)
    def test_wrong_uses_are_seen(checker: str, settings: pathlib.Path, tmp_path: pathlib.Path) -> None:
        file = tmp_path / "project" / "uses.py"
        file.parent.mkdir()
        shutil.copy(HERE / "uses.py", file)
        lines = file.read_text().splitlines()
        wanted = {number for number, line in enumerate(lines, 1) if line.rstrip().endswith("# error")}
        _, found, output = check(checker, file, settings)
        assert found == wanted, output


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE_FOLDER / "stoker" / "py.typed").exists()
