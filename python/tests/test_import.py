"""`import stoker` is cheap and brings nobody else's modules along."""

import json
import os
import pathlib
import resource
import subprocess
import sys
from typing import List

PACKAGE_FOLDER = str(pathlib.Path(__file__).resolve().parents[1])
EVERYTHING = "import stoker; [getattr(stoker, name) for name in stoker.__all__]; "


def cpu_milliseconds(code: str, cache: pathlib.Path, tries: int = 7) -> float:
    """The least CPU time of a fresh interpreter that runs `code`: the machine may be busy. Byte code is there, as pip
    leaves it."""
    environment = {**os.environ, "PYTHONPATH": PACKAGE_FOLDER, "PYTHONPYCACHEPREFIX": str(cache)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    best = float("inf")
    for _ in range(tries):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return best


def test_import_takes_at_most_40_milliseconds_of_cpu(tmp_path: pathlib.Path) -> None:
    assert cpu_milliseconds("import stoker", tmp_path) - cpu_milliseconds("pass", tmp_path) <= 40


def test_what_a_pipeline_file_imports_takes_at_most_40_milliseconds_too(tmp_path: pathlib.Path) -> None:
    names = "File, Spark, context, pipeline, step, when, one_of, repeat, finally_"
    assert cpu_milliseconds(f"from stoker import {names}", tmp_path) - cpu_milliseconds("pass", tmp_path) <= 40


def test_no_module_of_others_is_loaded() -> None:
    code = (
        "import sys, json; before = set(sys.modules); "
        + EVERYTHING
        + "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    )
    environment = {**os.environ, "PYTHONPATH": PACKAGE_FOLDER}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    loaded: List[str] = json.loads(done.stdout)
    standard = getattr(sys, "stdlib_module_names", None)
    if standard is not None:
        assert [name for name in loaded if name not in standard] == ["stoker"]
    assert not {"pyspark", "pandas", "numpy", "cloudpickle", "asyncio"} & set(loaded)


def test_every_public_name_exists_and_is_listed() -> None:
    import stoker

    assert sorted(stoker.__all__) == sorted(stoker._HOME)
    for name in stoker.__all__:
        assert getattr(stoker, name) is not None
    assert set(stoker.__all__) <= set(dir(stoker))
