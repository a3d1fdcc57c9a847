# ruff: noqa: E501
"""The worker beyond the protocol: errors for people, conversions, odd functions, old Pythons."""

from __future__ import annotations

import ast
import os
import pathlib
import subprocess
import sys
from typing import Any, Dict

import pytest
from worker_project import ROOT, Project, Worker

from stoker import _context


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    return Project(tmp_path)


# --- errors ------------------------------------------------------------------------------------------------------------------------


def test_only_the_users_frames(project: Project) -> None:
    project.file("helper.py", "import json\n\ndef parse(text):\n    return json.loads(text)\n")
    project.file(
        "pipeline.py",
        "import helper\n\ndef f(text: str) -> int:\n    try:\n        return helper.parse(text)\n    except ValueError as error:\n        raise RuntimeError('bad input') from error\n",
    )
    error = project.error("f", {"text": "{"})
    assert error["type"] == "RuntimeError" and error["message"] == "bad input" and error["class"] == "userCode"
    assert error["file"].endswith("pipeline.py") and error["line"] == 7
    trace = error["traceback"]
    assert "helper.py" in trace and "which came from" in trace and "raised in json/decoder.py" in trace
    assert "stoker/_worker" not in trace and trace.count("File ") == 3
    assert "stoker/_worker/__init__.py" in error["log"]  # the log has everything


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("raise MemoryError('too big')", {"class": "outOfMemory", "type": "MemoryError"}),
        ("import errno; raise OSError(errno.ENOSPC, 'No space left on device')", {"class": "infrastructure", "type": "OSError"}),
        ("import no_such_module_x", {"class": "userCode", "type": "ModuleNotFoundError", "hint": "the step's interpreter has no module 'no_such_module_x': install it there, or choose another with --python"}),
        ("f(x)", {"class": "userCode", "type": "RecursionError"}),
        ("class E(Exception):\n        def __str__(self): raise ValueError\n    raise E()", {"type": "f.<locals>.E", "message": "<the message cannot be shown: ValueError>"}),
        ("raise ValueError('x' * 100_000)", {"class": "userCode", "type": "ValueError"}),
        ("raise ValueError('\\udcff')", {"message": "\\udcff"}),
        ("import sys; sys.exit(3)", {"type": "SystemExit", "message": "the step called sys.exit(3) before it returned its output"}),
        ("import sys; sys.exit('bye')", {"message": "the step called sys.exit('bye') before it returned its output"}),
        ("raise KeyboardInterrupt", {"class": "cancelled"}),
        ("raise ExceptionGroup('several', [ValueError(1), TypeError(2)])", {"type": "ExceptionGroup"}),
    ],
)  # fmt: skip
def test_errors(project: Project, body: str, expected: Dict[str, Any]) -> None:
    if "ExceptionGroup" in body and sys.version_info < (3, 11):
        return
    project.file("pipeline.py", f"def f(x: int) -> int:\n    {body}\n")
    error = project.error("f", {"x": 1})
    assert {key: error.get(key) for key in expected} == expected
    assert len(error["message"]) <= 8192 and len(error["traceback"]) <= 32768


def test_exit_zero_without_outputs_is_success(project: Project) -> None:
    project.file("pipeline.py", "import sys\ndef f() -> None:\n    sys.exit(0)\n")
    assert project.run("f", outputs=[])["state"] == "succeeded"


def test_a_file_that_fails_on_import(project: Project) -> None:
    project.file("pipeline.py", "x = 1\ny = x / 0\n")
    error = project.error("f")
    assert (error["type"], error["line"]) == ("ZeroDivisionError", 2) and "_worker" not in error["traceback"]
    project.file("pipeline.py", "def f(:\n")
    error = project.error("f")
    assert error["type"] == "SyntaxError" and error["file"].endswith("pipeline.py") and error["line"] == 1


def test_what_is_no_function(project: Project) -> None:
    project.file("pipeline.py", "f = 3\n")
    assert "no function" in project.error("f")["message"]
    assert "has no function 'g' (any more)" in project.error("g")["message"]
    assert "does not exist" in project.error("g", file="gone.py")["message"]


# --- outputs -----------------------------------------------------------------------------------------------------------------------

OUTPUTS = """
from typing import Any, Dict, List, NamedTuple, Optional, Union
class Parts(NamedTuple):
    a: int
    b: Optional[str]
class One(NamedTuple):
    output: int
def as_float() -> float: return 3
def numpy_float() -> float:
    import numpy; return numpy.float32(0.5)
def numpy_int() -> int:
    import numpy; return numpy.int64(7)
def numpy_bool() -> bool:
    import numpy; return numpy.bool_(True)
def optional() -> Optional[int]: return None
def union() -> Union[int, str]: return "x"
def untyped(): return [1, {"a": None}]
def one() -> One: return One(4)
def parts() -> Parts: return (1, "b")
def parts_wrong() -> Parts: return Parts("1", "b")
def text_for_int() -> int: return "7"
def none_for_int() -> int: return None
def bool_for_int() -> int: return True
def items() -> List[int]: return [1, "2"]
def mapping() -> Dict[str, int]: return {"a": 1.5}
def unknown() -> Any: return object()
def inner() -> Any: return {"a": [1, object()]}
"""


@pytest.mark.parametrize(
    ("function", "value"),
    [("as_float", 3.0), ("numpy_float", 0.5), ("numpy_int", 7), ("numpy_bool", True), ("optional", None), ("union", "x"), ("untyped", [1, {"a": None}]), ("one", 4)],
)  # fmt: skip
def test_outputs(project: Project, function: str, value: Any) -> None:
    if function.startswith("numpy"):
        pytest.importorskip("numpy")
    project.file("pipeline.py", OUTPUTS)
    found = project.value(function)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("function", "outputs", "message"),
    [
        ("parts", ["a", "b"], "parts returned a tuple, expected Parts(a, b)"),
        ("parts_wrong", ["a", "b"], "parts_wrong returned a str for the output 'a', expected int"),
        ("text_for_int", ["output"], "text_for_int returned a str, expected int"),
        ("none_for_int", ["output"], "none_for_int returned None, expected int"),
        ("bool_for_int", ["output"], "bool_for_int returned a bool, expected int"),
        ("items", ["output"], "items returned a list, expected List[int]"),
        ("mapping", ["output"], "mapping returned a dict, expected Dict[str, int]"),
        (
            "unknown",
            ["output"],
            "the output 'output' of unknown cannot be saved: there is no materializer for builtins.object",
        ),
        ("inner", ["output"], "the output 'output' of inner cannot be saved: ['a'][1] is a builtins.object"),
    ],
)
def test_wrong_outputs_name_what_was_expected(project: Project, function: str, outputs: Any, message: str) -> None:
    project.file("pipeline.py", OUTPUTS)
    error = project.error(function, outputs=outputs)
    assert error["message"].startswith(message) and error["class"] == "userCode" and error["type"] == "TypeError"
    assert not list((project.folder / "store").rglob("manifest.json"))


# --- functions of all shapes ---------------------------------------------------------------------------------------------------------


def test_odd_functions(project: Project) -> None:
    project.file(
        "pipeline.py",
        """
        import asyncio, functools
        class Step:
            def __init__(self, function): self.function = function
            def __call__(self, *a): raise AssertionError("the decorated one was called")
        @Step
        def decorated(x: int) -> int: return x + 1
        def positional(x: int, /, y: int = 2, **more: float) -> list: return [x, y, more]
        async def coroutine() -> int:
            await asyncio.sleep(0)
            return 5
        class Group:
            @staticmethod
            def method(x: float) -> float: return x
        """,
    )
    assert project.value("decorated", {"x": 1}) == 2
    assert project.value("positional", {"x": 1, "y": 3}) == [1, 3, {}]
    assert project.value("positional", {"x": 1, "k": 1}) == [1, 2, {"k": 1.0}]
    assert project.value("coroutine") == 5
    assert project.value("Group.method", {"x": 1}) == 1.0


def test_a_file_named_like_a_library_module(project: Project) -> None:
    project.file("statistics.py", "def f() -> str:\n    return __name__\n")
    assert project.value("f", file="statistics.py") == "statistics"
    project.file("my-pipeline.py", "def f() -> str:\n    return __name__\n")
    assert project.value("f", file="my-pipeline.py") == "my-pipeline"


def test_a_function_by_value(project: Project, tmp_path: pathlib.Path) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    base = 40

    def add(x: int) -> int:
        return base + x

    (tmp_path / "function.pickle").write_bytes(cloudpickle.dumps(add))
    assert project.value("add", {"x": 2}, entry={"pickle": str(tmp_path / "function.pickle")}) == 42


def test_arguments_by_annotation(project: Project) -> None:
    project.file(
        "pipeline.py",
        """
        import dataclasses, enum, pathlib
        from typing import Any, Dict, List, Literal, NamedTuple, Optional, Tuple
        from stoker import Directory, File, Secret
        class Colour(enum.Enum):
            RED = "red"
        class P(NamedTuple):
            x: float
            y: int = 0
        @dataclasses.dataclass
        class D:
            p: P
            c: Colour = Colour.RED
        def f(a: float, b: Tuple[int, ...], c: Colour, d: D, e: Optional[P], g: Dict[str, float], h: File, i: pathlib.Path, j: Directory,
              k: Secret, l: str, m: List[D], n: Literal["x", "y"], o: Any, p) -> str:
            return repr([a, b, c, d, e, g, h, i, j.path, k, l, m, n, o, p])
        """,
    )
    there = str(project.root)
    inputs = {
        "a": 1, "b": [1, 2], "c": "red", "d": {"p": {"x": 1}, "c": "RED"}, "e": [1, 2], "g": {"k": 1}, "h": {"$file": {"path": "/etc/passwd"}}, "i": {"$file": {"path": "/etc/passwd"}},
        "j": {"$file": {"path": there}}, "k": {"$secret": "db-password"}, "l": {"$secret": "db-password"}, "m": [{"p": {"x": 2}}], "n": "y", "o": [1], "p": {"$value": {"$a": 1}},
    }  # fmt: skip
    assert project.value("f", inputs) == (
        "[1.0, (1, 2), <Colour.RED: 'red'>, D(p=P(x=1.0, y=0), c=<Colour.RED: 'red'>), P(x=1.0, y=2), {'k': 1.0}, File('/etc/passwd'), "
        f"PosixPath('/etc/passwd'), {there!r}, Secret('db-password'), 'hunter2-secret', [D(p=P(x=2.0, y=0), c=<Colour.RED: 'red'>)], 'y', [1], {{'$a': 1}}]"
    )
    for name, value, words in (
        ("a", "x", "the input a: expected float, got str 'x'"), ("b", [1.5], "b[0]: expected int, got float 1.5"), ("c", "blue", "c: 'blue' is none of RED"),
        ("d", {"q": 1}, "d: D has no field 'q'"), ("d", {}, "missing"), ("n", "z", "'z' is none of 'x', 'y'"), ("a", True, "a: expected float, got bool True"),
    ):  # fmt: skip
        error = project.error("f", {**inputs, name: value})
        assert words in error["message"], error


# --- context -------------------------------------------------------------------------------------------------------------------------


def test_logged_artifacts(project: Project) -> None:
    project.file(
        "pipeline.py",
        "from stoker import context\ndef f(name: str) -> int:\n    context().log_artifact(name, {'rows': [1]})\n    return 1\n",
    )
    result = project.run("f", {"name": "extra"})
    assert result["logged"]["extra"]["artifact"]["type"] == "json"
    assert "cannot name an artifact" in project.error("f", {"name": "output"})["message"]


def test_context_outside_a_run(tmp_path: pathlib.Path) -> None:
    collected = _context.Context()
    collected.log_metrics({"a": 1}, b=2.5)
    collected.log_metric("curve", 1, step=0)
    collected.log_metric("curve", float("nan"), step=1)
    collected.progress(1, 2, "x")
    collected.log_artifact("figure", object())
    assert collected.metrics["a"] == 1.0 and collected.metrics["b"] == 2.5 and not collected.in_run
    assert [step for _, _, step in collected.history] == [None, None, 0, 1]
    assert os.path.isdir(collected.scratch) and "figure" in collected.artifacts
    for name, value in (("", 1.0), ("x" * 257, 1.0), (3, 1.0)):
        with pytest.raises(ValueError, match="name"):
            collected.log_metric(name, value)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not a number"):
        collected.log_metric("x", "high")  # type: ignore[arg-type]
    os.rmdir(collected.scratch)


def test_tables_by_annotation(project: Project) -> None:
    project.file("pipeline.py", """
        from stoker import Table

        def f(t: Table, untyped, text: str, named: Table, many: list[Table]) -> list:
            assert [type(each) for each in (t, untyped, named, *many)] == [Table] * 4
            return [str(t), t.version, str(untyped), untyped.version, text, str(named), named.version, str(many[0])]
        """)  # fmt: skip
    table = {"$table": {"name": "sales.orders", "version": 3}}
    given = {"t": table, "untyped": {"$table": {"name": "x"}}, "text": table, "named": "y", "many": [table]}
    assert project.value("f", given) == ["sales.orders", "3", "x", None, "sales.orders", "y", None, "sales.orders"]


# --- the interpreter -------------------------------------------------------------------------------------------------------------------


def worker_files() -> list[pathlib.Path]:
    package = ROOT / "python/stoker"
    names = [
        "__init__",
        "_artifacts",
        "_context",
        "_convert",
        "_errors",
        "_json_values",
        "_parquet_footer",
        "_place",
        "_project",
        "_values",
    ]
    return (
        [package / f"{name}.py" for name in names]
        + sorted(package.glob("_watched/*.py"))
        + sorted(package.glob("_worker/*.py"))
        + sorted(package.glob("_spark/*.py"))
        + sorted(package.glob("materializers/*.py"))
    )


def test_the_worker_is_written_for_python_3_8() -> None:
    for path in worker_files():
        ast.parse(path.read_text(), str(path), feature_version=(3, 8))


def old_python() -> str:
    found = sorted(pathlib.Path.home().glob(".pyenv/versions/3.8.*/bin/python"))
    return str(found[-1]) if found else ""


def test_the_worker_runs_on_python_3_8(project: Project) -> None:
    if not old_python():
        return  # this machine has none; the syntax is checked above
    functions = ROOT / "tests/protocol/functions.json"
    worker = Worker([old_python(), "-m", "stoker._worker"], functions)
    project.file(
        "pipeline.py",
        "from typing import List\nimport sys\ndef f(x: List[float]) -> str:\n    return sys.version[:3] + str(x)\n",
    )
    assert project.value("f", {"x": [1]}, worker=worker) == "3.8[1.0]"


def test_the_worker_needs_only_the_standard_library(project: Project) -> None:
    worker = Worker([sys.executable, "-S", "-m", "stoker._worker"], ROOT / "tests/protocol/functions.json")
    project.file(
        "pipeline.py",
        "import sys\ndef f() -> list:\n    return sorted({m.partition('.')[0] for m in sys.modules} & {'pyspark', 'numpy', 'pandas', 'cloudpickle', 'py4j', 'asyncio'})\n",
    )
    assert project.value("f", worker=worker) == []


def test_run_in_a_forked_child(project: Project, tmp_path: pathlib.Path) -> None:
    """As the fork server does it: `run(path)` in a child of a process that has imported the user's module."""
    project.file("pipeline.py", "x = []\ndef f() -> int:\n    x.append(1)\n    return len(x)\n")
    attempt = project.start("f")
    attempt.finish()
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[2])\n"
        "import pipeline; from stoker import _worker\n"
        "for n in range(2):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        _worker.finish(_worker.run(sys.argv[1]))\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(attempt.invocation_path), str(project.root)],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["0", "0"]
    assert attempt.result()["outputs"]["output"]["value"] == 1


def test_children_of_the_users_code_do_not_speak(project: Project) -> None:
    project.file(
        "pipeline.py",
        """
        import os
        from stoker import context
        def f() -> int:
            pid = os.fork()
            if pid == 0:
                context().log_metric("from the child", 1.0)
                os._exit(0)
            os.waitpid(pid, 0)
            assert "STOKER_PROTOCOL" not in os.environ
            return 1
        """,
    )
    attempt = project.start("f")
    assert attempt.finish() == 0, attempt.text()
    assert attempt.of_type("metric") == [] and attempt.rubbish == ""


def test_sklearn_between_steps_and_projects(project: Project) -> None:
    pytest.importorskip("sklearn")
    project.file(
        "pipeline.py",
        "from sklearn.linear_model import LinearRegression\n"
        "def fit() -> LinearRegression: return LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])\n"
        "def use(model: LinearRegression, more) -> float: return round(float(model.predict([[2.0]])[0]), 6) + len(more)\n",
    )
    artifact = project.run("fit")["outputs"]["output"]["artifact"]
    binding = {"$artifact": artifact}
    assert project.value("use", {"model": binding, "more": [binding, binding]}) == 6.0
    error = project.error("use", {"model": binding, "more": []}, project="another")
    assert "trust=True" in error["message"]
    assert (
        project.value("use", {"model": {"$artifact": {**artifact, "trust": True}}, "more": []}, project="another")
        == 4.0
    )


def test_a_missing_file_is_said_before_a_session_is_made(project: Project) -> None:
    project.file("pipeline.py", "def f(spark, data) -> int:\n    raise AssertionError\n")
    missing = str(project.root / "none.csv")
    error = project.error("f", {"data": [{"$file": {"path": missing}}]}, injectSession=True, session={"master": "none"})
    assert error["message"] == f"the input data is {missing}, which does not exist"
    assert project.error("f", {"data": {"$value": {"$file": 1}}, "spark": 1})["type"] == "AssertionError"
