"""`import stoker` is cheap and brings nobody else's modules along."""

import json
import os
import pathlib
import subprocess
import sys
from typing import Set

PACKAGE_FOLDER = str(pathlib.Path(__file__).resolve().parents[1])


# Of the standard library, what would take most of the time that a start of the compiler has.
SLOW = {"asyncio", "dataclasses", "decimal", "http", "inspect", "logging", "subprocess", "tempfile", "urllib", "uuid"}


def modules_loaded_by(code: str) -> Set[str]:
    script = (
        f"import sys, json; before = set(sys.modules); {code}; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    environment = {**os.environ, "PYTHONPATH": PACKAGE_FOLDER}
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_what_a_pipeline_file_imports_loads_no_slow_module() -> None:
    """How long it takes bench/README.md says."""
    names = "File, Spark, context, pipeline, step, when, one_of, repeat, finally_"
    assert not SLOW & modules_loaded_by(f"from stoker import {names}")


def test_no_module_of_others_is_loaded() -> None:
    loaded = modules_loaded_by("import stoker; [getattr(stoker, name) for name in stoker.__all__]")
    standard = getattr(sys, "stdlib_module_names", None)
    if standard is not None:
        assert [name for name in loaded if name not in standard] == ["stoker"]
    assert not {"pyspark", "pandas", "numpy", "cloudpickle", "asyncio"} & loaded


def test_every_public_name_exists_and_is_listed() -> None:
    import stoker

    assert sorted(stoker.__all__) == sorted(stoker._HOME)
    for name in stoker.__all__:
        assert getattr(stoker, name) is not None
    assert set(stoker.__all__) <= set(dir(stoker))
