"""The host: compiles with the dependencies of the compile, forks attempts, ends with the program."""

import hashlib
import os
import pathlib
import signal
import sys
import time
from typing import Any, Dict

import pytest
from host_client import Attempt, HostClient
from sdk_helpers import validate, write_project

PIPELINE = """
import os
import helpers
from stoker import context, pipeline, step

MODE = os.environ.get("PROJECT_MODE", "plain")
TABLE = open(os.path.join(os.path.dirname(__file__), "table.txt")).read()

@step
def add(a: int, b: int = 1) -> int:
    print("adding")
    context().log_metrics(sum=a + b)
    return helpers.plus(a, b)

@step
def where() -> dict:
    import sys
    return {"cwd": os.getcwd(), "x": os.environ.get("X"), "pid": os.getpid(), "group": os.getpgrp(), "stdin": sys.stdin.read(),
            "host": os.environ.get("STOKER_HOST")}

@step
def fail() -> int:
    raise ValueError("no such column")

@step
def sleep() -> int:
    import time
    time.sleep(600)
    return 1

@step
def dice() -> float:
    import random
    return random.random()

@pipeline
def main(a: int = 1) -> int:
    return add(add(a), 2)
"""


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "with space é"
    write_project(
        folder, {"pipeline.py": PIPELINE, "helpers.py": "def plus(a, b):\n    return a + b\n", "table.txt": "1"}
    )
    return folder


def compile_(host: HostClient, file: pathlib.Path, pipeline: Any = None) -> Dict[str, Any]:
    return host.ask(op="compile", file=str(file), pipeline=pipeline, argv=[])


def wait_until(condition: Any, seconds: float = 10) -> bool:
    # Only for what has no event to wait for: the end of a process that is nobody's child here.
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_compile_says_what_it_depended_on(project: pathlib.Path) -> None:
    with HostClient(env={"PROJECT_MODE": "fast"}) as host:
        reply = compile_(host, project / "pipeline.py")
    assert reply["op"] == "compiled", reply
    validate(reply["document"])
    assert reply["root"] == str(project)
    dependencies = reply["dependencies"]
    files = {pathlib.Path(entry["path"]).name: entry for entry in dependencies["files"]}
    assert set(files) == {"pipeline.py", "helpers.py", "table.txt"}
    table = project / "table.txt"
    assert files["table.txt"] == {
        "path": str(table),
        "digest": "sha256:" + hashlib.sha256(b"1").hexdigest(),
        "size": 1,
        "mtime_ns": table.stat().st_mtime_ns,
    }
    assert dependencies["environment"]["PROJECT_MODE"] == "sha256:" + hashlib.sha256(b"fast").hexdigest()
    assert dependencies["python"]["executable"] == sys.executable
    assert dependencies["cacheable"] is True
    stamp = hashlib.sha256()
    for folder in dependencies["python"]["packages"]:
        assert os.stat(folder["path"]).st_mtime_ns == folder["mtime_ns"]
        stamp.update(f"{folder['path']}\0{folder['mtime_ns']}\n".encode())
    assert dependencies["python"]["packages_stamp"] == stamp.hexdigest()


def test_a_variable_that_is_not_set_is_a_dependency_too(project: pathlib.Path) -> None:
    with HostClient() as host:
        reply = compile_(host, project / "pipeline.py")
    assert reply["dependencies"]["environment"]["PROJECT_MODE"] is None


def test_variables_that_importing_the_file_sets_are_in_the_document(project: pathlib.Path) -> None:
    source = (project / "pipeline.py").read_text()
    (project / "pipeline.py").write_text(
        "import os\nos.environ['MADE'] = os.environ.setdefault('BASE', 'b') + '!'\n" + source
    )
    with HostClient() as host:
        reply = compile_(host, project / "pipeline.py")
    made = {name: "sha256:" + hashlib.sha256(value).hexdigest() for name, value in (("BASE", b"b"), ("MADE", b"b!"))}
    assert all(step["python"]["code"]["variables"] == made for step in reply["document"]["steps"])
    assert reply["dependencies"]["environment"]["BASE"] is None and "MADE" not in reply["dependencies"]["environment"]
    assert reply["dependencies"]["cacheable"] is True


def test_what_no_digest_shows_makes_a_compile_unfit_for_the_cache(project: pathlib.Path) -> None:
    source = (project / "pipeline.py").read_text()
    (project / "pipeline.py").write_text(
        "import os, subprocess\nos.listdir('.'), dict(os.environ)\nsubprocess.run(['true'])\n" + source
    )
    with HostClient() as host:
        reply = compile_(host, project / "pipeline.py")
    assert reply["dependencies"]["cacheable"] is False
    assert "packages" not in reply["dependencies"]["python"]
    for reason in ("lists the folder", "starts a process", "goes over all environment variables"):
        assert reason in reply["dependencies"]["reason"]


def test_a_file_that_is_looked_for_and_missing_is_a_dependency(project: pathlib.Path) -> None:
    source = (project / "pipeline.py").read_text()
    lookup = "try:\n    open(__file__ + '.local')\nexcept OSError:\n    pass\n"
    (project / "pipeline.py").write_text(lookup + source)
    with HostClient() as host:
        reply = compile_(host, project / "pipeline.py")
    helper = {str(project / "helpers"): "absent", str(project / "helpers.py"): "file"}  # where the import looked
    assert reply["dependencies"]["paths"] == {str(project / "pipeline.py.local"): "absent", **helper}
    assert str(project / "pipeline.py.local") not in {entry["path"] for entry in reply["dependencies"]["files"]}


def test_what_the_file_asks_about_paths_is_a_dependency(project: pathlib.Path) -> None:
    (project / "link").symlink_to("data")
    (project / "data").write_text("x")
    asks = [
        "import os, pathlib, shutil",
        "HERE = pathlib.Path(__file__).resolve().parent",
        "os.path.exists(HERE / 'local.yaml'), (HERE / 'folder').is_dir(), os.path.islink(HERE / 'link'), os.path.getsize(HERE / 'data')",
        "import importlib.metadata, tempfile; importlib.metadata.version('pytest')",
        "with tempfile.TemporaryDirectory() as made: assert os.path.isdir(made)",
        "shutil.which('ls'), os.path.exists('/usr/bin/env'), os.path.exists(os.__file__)",
    ]
    (project / "folder").mkdir()
    (project / "pipeline.py").write_text("\n".join(asks) + "\n" + (project / "pipeline.py").read_text())
    with HostClient() as host:
        dependencies = compile_(host, project / "pipeline.py")["dependencies"]
    inside = {path.name: dependencies["paths"].get(str(path)) for path in project.iterdir()}
    assert dependencies["paths"][str(project / "local.yaml")] == "absent"
    assert (inside["folder"], inside["link"], inside["data"]) == ("folder", "link file data", None)
    assert str(project / "data") in {entry["path"] for entry in dependencies["files"]}
    assert dependencies["cacheable"], dependencies


@pytest.mark.parametrize(
    ("source", "kind", "type_name", "message", "line"),
    [
        ("import helpers\nhelpers.boom()", "import", "ValueError", "boom", 3),
        ("x = (\n", "import", "SyntaxError", "was never closed", 1),
        ("import no_such_module", "import", "ModuleNotFoundError", "no_such_module", 1),
        ("import sys; sys.exit(3)", "import", "SystemExit", "ended Python", 1),
        (
            "from stoker import *\n@pipeline\ndef main():\n    1 / 0",
            "compile",
            "ZeroDivisionError",
            "division by zero",
            4,
        ),
        (
            "from stoker import *\n@pipeline\ndef main(x: int):\n    if x > 1: pass",
            "compile",
            "CompileError",
            "`if` needs",
            4,
        ),
        ("from stoker import *\n@pipeline\ndef main(): pass\nmain.run()", "compile", "StokerError", "if __name__", 4),
        ("from stoker import *", "usage", "UsageError", "has no pipeline", None),
        (
            "from stoker import *\n@pipeline\ndef a(): pass\n@pipeline\ndef b(): pass",
            "usage",
            "UsageError",
            "several pipelines: a, b",
            None,
        ),
    ],
)
def test_failures_are_the_users_own(
    tmp_path: pathlib.Path, source: str, kind: str, type_name: str, message: str, line: int
) -> None:
    helpers = "def boom():\n    value = 1\n    raise ValueError('boom')\n"
    write_project(tmp_path, {"pipeline.py": source, "helpers.py": helpers})
    with HostClient() as host:
        reply = compile_(host, tmp_path / "pipeline.py")
    assert reply["op"] == "failed"
    error = reply["error"]
    if type_name == "SyntaxError" and sys.version_info < (3, 10):
        message = "EOF"
        line = error["line"]
    assert (error["kind"], error["type"], error["line"]) == (kind, type_name, line), error
    assert message in error["message"] + error.get("hint", "")
    assert "importlib" not in error["traceback"] and "stoker/_" not in error["traceback"]
    if line is not None:
        assert "pipeline.py" in error["traceback"]


def test_an_unknown_pipeline_is_refused_with_the_nearest(project: pathlib.Path) -> None:
    with HostClient() as host:
        reply = compile_(host, project / "pipeline.py", "mian")
    assert "no pipeline 'mian', did you mean 'main'?" in reply["error"]["message"]


def test_the_pipeline_that_no_other_uses_is_meant(tmp_path: pathlib.Path) -> None:
    source = """
    from stoker import *
    @step
    def one() -> int: return 1
    @pipeline
    def inner() -> int: return one()
    @pipeline
    def outer() -> int: return inner()
    """
    write_project(tmp_path, {"pipeline.py": source})
    with HostClient() as host:
        assert compile_(host, tmp_path / "pipeline.py")["document"]["name"] == "outer"
        assert compile_(host, tmp_path / "pipeline.py", "inner")["document"]["name"] == "inner"


def test_files_in_packages_and_with_odd_names(tmp_path: pathlib.Path) -> None:
    source = "from stoker import *\n{}\n@step\ndef one() -> int: return 1\n@pipeline\ndef main() -> int: return one()\n"
    write_project(
        tmp_path,
        {
            "pack/__init__.py": "",
            "pack/sub/__init__.py": "",
            "pack/sub/flow.py": source.format("from ..tools import x"),
            "pack/tools.py": "import pack.more.inner\nx = 1",
            "pack/more/__init__.py": "",
            "pack/more/inner.py": "",
            "deep/er/my-flow.py": source.format("import beside"),
            "deep/er/beside.py": "",
        },
    )
    with HostClient() as host:
        reply = compile_(host, tmp_path / "pack/sub/flow.py")
        assert reply["op"] == "compiled", reply
        assert reply["dependencies"]["cacheable"] is True, reply["dependencies"]
        assert reply["document"]["steps"][0]["python"]["module"] == "pack.sub.flow"
        assert reply["document"]["steps"][0]["python"]["file"] == "pack/sub/flow.py"
    with HostClient() as host:
        reply = compile_(host, tmp_path / "deep/er/my-flow.py")
        assert reply["op"] == "compiled", reply
        assert reply["document"]["steps"][0]["python"]["file"] == "deep/er/my-flow.py"
        assert reply["document"]["steps"][0]["python"]["module"] == "my_flow"


def test_a_file_named_as_a_library_module_is_the_users(tmp_path: pathlib.Path) -> None:
    source = "from stoker import *\n@step\ndef one() -> int: return 1\n@pipeline\ndef main() -> int: return one()\n"
    write_project(tmp_path, {"json.py": source})
    with HostClient() as host:
        reply = compile_(host, tmp_path / "json.py")
    assert reply["op"] == "compiled", reply


def test_load_then_run_forks_attempts(project: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with HostClient() as host:
        assert host.ask(op="load", file=str(project / "pipeline.py"), root=str(project)) == {
            "op": "loaded",
            "fork_safe": True,
            "reason": "",
        }
        attempt = Attempt(tmp_path, project, "add", {"a": 3, "b": 4})
        started = attempt.start(host)
        assert started["op"] == "started" and started["id"] == 1
        ended = host.receive()
        assert (ended["op"], ended["id"], ended["pid"], ended["status"]) == ("exited", 1, started["pid"], 0), (
            attempt.stderr
        )
        assert ended["user_seconds"] + ended["system_seconds"] < 5 and ended["peak_rss_bytes"] > 1 << 20
        assert attempt.result["state"] == "succeeded"
        assert attempt.result["outputs"]["output"]["value"] == 7
        assert attempt.result["metrics"] == {"sum": 7}
        assert attempt.stdout == "adding\n"
        types = [message["type"] for message in attempt.messages()]
        assert types[:2] == ["hello", "started"] and "metric" in types


LATE = """
import sys
import types
from stoker import pipeline, step

class Converter:
    def can_convert(self, value):
        import late
        return False

class Broken:
    def can_convert(self, value):
        raise ValueError(value)

# What pyspark registers when it is imported.
sys.modules["py4j.protocol"] = types.SimpleNamespace(INPUT_CONVERTER=[Broken(), Converter()])

@step
def seen() -> bool:
    return "late" in sys.modules

@pipeline
def main() -> None:
    seen()
"""


def test_what_spark_imports_with_its_first_call_is_imported_once(tmp_path: pathlib.Path) -> None:
    project = tmp_path / "project"
    write_project(project, {"pipeline.py": LATE, "late.py": ""})
    with HostClient() as host:
        reply = host.ask(op="load", file=str(project / "pipeline.py"), root=str(project))
        assert reply["op"] == "loaded" and reply["fork_safe"], reply
        attempt = Attempt(tmp_path, project, "seen", {})
        attempt.start(host)
        host.receive()
    assert attempt.result["outputs"]["output"]["value"] is True, attempt.stderr


def test_only_attempts_collect_garbage(tmp_path: pathlib.Path) -> None:
    project = tmp_path / "project"
    source = """
import gc
from stoker import pipeline, step

AT_IMPORT = gc.isenabled()

@step
def collecting() -> list:
    return [AT_IMPORT, gc.isenabled()]

@pipeline
def main() -> None:
    collecting()
"""
    write_project(project, {"pipeline.py": source})
    with HostClient() as host:
        host.ask(op="load", file=str(project / "pipeline.py"), root=str(project))
        attempt = Attempt(tmp_path, project, "collecting", {})
        attempt.start(host)
        host.receive()
    assert attempt.result["outputs"]["output"]["value"] == [False, True], attempt.stderr


def test_an_attempt_has_a_world_of_its_own(project: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with HostClient() as host:
        host.ask(op="load", file=str(project / "pipeline.py"), root=str(project))
        attempt = Attempt(tmp_path, project, "where", {})
        started = attempt.start(host, {"X": "y"}, tmp_path)
        host.receive()
        value = attempt.result["outputs"]["output"]["value"]
    assert value == {
        "cwd": str(tmp_path),
        "x": "y",
        "pid": started["pid"],
        "group": started["pid"],
        "stdin": "",
        "host": None,
    }


def test_a_failing_step_and_a_killed_one(project: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with HostClient() as host:
        host.ask(op="load", file=str(project / "pipeline.py"), root=str(project))
        failing = Attempt(tmp_path, project, "fail", {}, 1)
        failing.start(host)
        ended = host.receive()
        assert os.WEXITSTATUS(ended["status"]) == 1
        error = failing.result["error"]
        assert (error["type"], error["message"], error["class"]) == ("ValueError", "no such column", "userCode")
        assert "_host" not in error["traceback"]

        sleeping = Attempt(tmp_path, project, "sleep", {}, 2)
        started = sleeping.start(host)
        os.kill(-started["pid"], signal.SIGKILL)
        ended = host.receive()
        assert os.WIFSIGNALED(ended["status"]) and os.WTERMSIG(ended["status"]) == signal.SIGKILL


def test_attempts_run_side_by_side_and_draw_different_numbers(project: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with HostClient() as host:
        host.ask(op="load", file=str(project / "pipeline.py"), root=str(project))
        attempts = [Attempt(tmp_path, project, "dice", {}, number) for number in range(8)]
        pending = []
        for attempt in attempts:
            host.send(
                {
                    "op": "run",
                    "id": attempt.number,
                    "invocation": str(attempt.invocation),
                    "env": {},
                    "cwd": str(tmp_path),
                },
                [*_streams(attempt)],
            )
            pending.append(attempt.number)
        started = set()
        while pending:
            message = host.receive()
            if message["op"] == "started":
                started.add(message["id"])
            else:
                assert message["status"] == 0
                pending.remove(message["id"])
        assert started == set(range(8))
    assert len({attempt.result["outputs"]["output"]["value"] for attempt in attempts}) == 8


def _streams(attempt: Attempt) -> Any:
    for name in ("protocol", "stdout.log", "stderr.log"):
        yield os.open(attempt.folder / name, os.O_CREAT | os.O_RDWR)


@pytest.mark.parametrize("how", ["socket", "stdin", "kill"])
def test_everything_ends_with_the_program(project: pathlib.Path, tmp_path: pathlib.Path, how: str) -> None:
    host = HostClient()
    host.ask(op="load", file=str(project / "pipeline.py"), root=str(project))
    pid = Attempt(tmp_path, project, "sleep", {}).start(host)["pid"]
    assert alive(pid)
    if how == "socket":
        host.socket.close()
    elif how == "stdin":
        assert host.process.stdin is not None
        host.process.stdin.close()
    else:
        host.process.kill()
    host.process.wait(20)
    assert wait_until(lambda: not alive(pid))
    host.close()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True, name='poller').start()",
            "(poller)",
        ),
        ("import sys, types\nsys.modules['polars'] = types.ModuleType('polars')", "Polars may hang"),
        (
            "import sys, types\nm = types.ModuleType('pyspark.context')\n"
            "m.SparkContext = type('SparkContext', (), {'_gateway': 1})\nsys.modules['pyspark.context'] = m",
            "starts Spark while it is imported",
        ),
    ],
)
def test_what_does_not_survive_a_fork_is_said(tmp_path: pathlib.Path, code: str, reason: str) -> None:
    write_project(tmp_path, {"pipeline.py": code})
    with HostClient() as host:
        reply = host.ask(op="load", file=str(tmp_path / "pipeline.py"), root=str(tmp_path))
    assert reply["op"] == "loaded" and reply["fork_safe"] is False
    assert reason in reply["reason"]


def test_load_reports_a_failing_import(tmp_path: pathlib.Path) -> None:
    write_project(tmp_path, {"pipeline.py": "raise KeyError('gone')"})
    with HostClient() as host:
        reply = host.ask(op="load", file=str(tmp_path / "pipeline.py"), root=str(tmp_path))
    assert reply["op"] == "failed" and reply["error"]["type"] == "KeyError"


def test_unknown_operations_and_missing_descriptors_are_answered(tmp_path: pathlib.Path) -> None:
    with HostClient() as host:
        assert host.ask(op="dance")["error"]["kind"] == "usage"
        assert "3 descriptors" in host.ask(op="run", id=1, invocation="x", env={}, cwd="/")["error"]["message"]


def test_a_host_without_a_program_says_so() -> None:
    import subprocess

    environment = {key: value for key, value in os.environ.items() if key != "STOKER_HOST"}
    environment["PYTHONPATH"] = str(pathlib.Path(__file__).parents[1])
    ended = subprocess.run([sys.executable, "-m", "stoker._host"], env=environment, capture_output=True, text=True)
    assert ended.returncode == 2 and "started by the stoker program" in ended.stderr


def test_an_edit_in_the_same_second_is_seen(tmp_path: pathlib.Path) -> None:
    source = (
        "from stoker import *\nimport helpers\n@step\ndef one() -> int: return helpers.X\n"
        "@pipeline\ndef main() -> int: return one()\n"
    )
    write_project(tmp_path, {"pipeline.py": source, "helpers.py": "X = 1\n"})
    digests = []
    with_bytecode = {"PYTHONDONTWRITEBYTECODE": ""}
    moment = time.time_ns() // 10**9 * 10**9
    for number in (1, 2):
        (tmp_path / "helpers.py").write_text(f"X = {number}\n")
        # Within one second, the second time later than the byte code of the first.
        os.utime(tmp_path / "helpers.py", ns=(moment, moment + (0 if number == 1 else 999_999_999)))
        if number == 2:
            (bytecode,) = (tmp_path / "__pycache__").glob("helpers.*.pyc")
            os.utime(bytecode, ns=(moment, moment + 500_000_000))
        with HostClient(env=with_bytecode) as host:
            reply = compile_(host, tmp_path / "pipeline.py")
        digests.append(reply["document"]["steps"][0]["python"]["code"]["parts"]["helpers.X"])
    assert digests[0] != digests[1]


def test_what_libraries_read_outside_the_project_does_not_count(tmp_path: pathlib.Path) -> None:
    site = tmp_path / "env" / "site-packages"
    site.mkdir(parents=True)
    (site / "reader.py").write_text(
        "def read(path):\n    try:\n        return open(path).read()\n    except OSError:\n        return ''\n"
    )
    outside = tmp_path / "outside.txt"
    outside.write_text("x")
    source = f"""
    import reader
    from stoker import *
    reader.read({str(tmp_path / "missing")!r})
    reader.read({str(outside)!r})
    reader.read(__file__ + ".inside")
    @step
    def one() -> int: return 1
    @pipeline
    def main() -> int: return one()
    """
    project = write_project(tmp_path / "project", {"pipeline.py": source})
    with HostClient(env={"PYTHONPATH": f"{pathlib.Path(__file__).parents[1]}:{site}"}) as host:
        reply = compile_(host, project / "pipeline.py")
    assert reply["op"] == "compiled", reply
    names = [pathlib.Path(entry["path"]).name for entry in reply["dependencies"]["files"]]
    assert names == ["pipeline.py"]
    reader = {str(project / "reader"): "absent", str(project / "reader.py"): "absent"}  # these would be found first
    assert reply["dependencies"]["paths"] == {str(project / "pipeline.py.inside"): "absent", **reader}
