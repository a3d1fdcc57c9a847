"""Whose process it is: the user's, or a library's own."""

import subprocess
import sys
from typing import Any, List, Optional

import pytest

from stoker._worker import children
from stoker._worker.children import started_process

SITE = f"{sys.prefix}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
STANDARD = subprocess.__file__
USER = "/home/ann/project/steps.py"


def called_from(frames: List[Any], event: str, args: Any) -> Optional[str]:
    """`started_process` as if called through these (file, module), innermost first."""
    call: Any = lambda: started_process(event, args)  # noqa: E731
    for file, module in frames:
        scope = {"__name__": module, "inner": call}
        exec(compile("def outer():\n    return inner()\n", file, "exec"), scope)
        call = scope["outer"]
    result: Optional[str] = call()
    return result


@pytest.fixture(autouse=True)
def without_this_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_OBSERVER", (*children._OBSERVER, __name__))


@pytest.mark.parametrize(
    "event, args, frames, expected",
    [
        ("subprocess.Popen", ("/usr/bin/wc", ["wc", "--password=x"], None, None), [(USER, "steps")], "the process wc"),
        ("subprocess.Popen", ("wc", ["wc"], None, None), [(STANDARD, "subprocess"), (USER, "steps")], "the process wc"),
        ("os.system", (b"ls",), [(USER, "steps")], "the process sh"),
        ("os.posix_spawn", (b"/bin/ls", [], {}), [(USER, "steps")], "the process ls"),
        ("os.spawn", (1, "/bin/ls", [], {}), [(USER, "steps")], "the process ls"),
        ("os.fork", (), [(STANDARD, "multiprocessing.popen_fork"), (USER, "steps")], "a worker process"),
        ("import", ("multiprocessing.popen_spawn_posix",), [(STANDARD, "multiprocessing.context"), (USER, "steps")], "a worker process"),
        ("import", ("json",), [(USER, "steps")], None),
        ("open", ("x", "r", 0), [(USER, "steps")], None),
        # A library's own affair, unless it carries the user's functions.
        ("subprocess.Popen", ("java", ["java"], None, None), [(f"{SITE}/pyspark/java_gateway.py", "pyspark.java_gateway"), (USER, "steps")], None),
        ("os.fork", (), [("/x/site-packages/joblib/parallel.py", "joblib.parallel"), (USER, "steps")], "a worker process"),
        ("os.fork", (), [("/x/joblib/parallel.py", "joblib.parallel"), (f"{SITE}/sklearn/ensemble.py", "sklearn.ensemble"), (USER, "steps")], None),
    ],
)  # fmt: skip
def test_names_the_users_processes(event: str, args: Any, frames: List[Any], expected: Optional[str]) -> None:
    found = called_from(frames, event, args)
    assert found == (None if expected is None else f"{expected} (what it reads is not seen)")
