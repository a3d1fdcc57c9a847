"""Bad input: a clear error, the right exit code, nothing lost. tests/bad-input.yaml has a row for each item."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import textwrap

import psutil
import pytest
from conftest import Stoker

HEAD = "apiVersion: stoker.dev/v1beta1\nkind: Pipeline\nname: bad\n"


def document(stoker: Stoker, body: str) -> str:
    (stoker.folder / "bad.yaml").write_text(HEAD + textwrap.dedent(body))
    return "bad.yaml"


def script(stoker: Stoker, text: str, more: str = "") -> str:
    """A document with one step, which runs `text`."""
    indented = textwrap.indent(textwrap.dedent(text), " " * 8)
    return document(
        stoker, f"steps:\n  - name: work\n    command:\n      script: |\n{indented}\n{textwrap.indent(more, '    ')}"
    )


def module(stoker: Stoker, body: str, name: str = "p.py") -> str:
    (stoker.folder / name).write_text("from stoker import pipeline, step, context\n" + textwrap.dedent(body))
    return name


DOCUMENTS = {
    "cycle": (
        "steps: [{name: a, needs: [b], command: {run: [x]}}, {name: b, needs: [a], command: {run: [x]}}]",
        ["cycle", "a", "b"],
    ),
    "unknown-step": (
        "steps: [{name: load, command: {run: [x]}}, {name: b, needs: [laod], command: {run: [x]}}]",
        ["laod", "load"],
    ),
    "unknown-output": (
        "steps: [{name: a, command: {run: [x]}, outputs: {rows: {from: result, type: integer}}}, "
        "{name: b, command: {run: [echo, '${{ steps.a.outputs.rwos }}']}}]",
        ["rwos", "rows"],
    ),
    "unknown-parameter": (
        "parameters: {trees: {type: integer, default: 1}}\nsteps: [{name: a, command: {run: [echo, '${{ parameters.tress }}']}}]",
        ["tress", "trees"],
    ),
    "unknown-key": ("steps: [{name: a, comand: {run: [x]}}]", ["comand", "command"]),
    "wrong-type": ("steps: [{name: a, command: {run: [x]}, retry: many}]", ["retry"]),
    "invalid-yaml": ("steps: [{name: a\n  bad", ["bad.yaml:"]),
    "wrong-default": (
        "parameters: {n: {type: integer, default: ten}}\nsteps: [{name: a, command: {run: [x]}}]",
        ["n", "integer"],
    ),
    "bad-expression": ("steps: [{name: a, when: '${{ 1 + }}', command: {run: [x]}}]", ["bad.yaml:"]),
}


@pytest.mark.parametrize("item", DOCUMENTS)
def test_a_bad_document_is_refused_with_its_place(stoker: Stoker, item: str) -> None:
    body, words = DOCUMENTS[item]
    file = document(stoker, body)
    for verb in ("validate", "run"):
        done = stoker(verb, file)
        assert done.code == 2, done.out + done.err
        assert "bad.yaml:" in done.err
        for word in words:
            assert word in done.err, done.err
    assert (
        json.loads(stoker("runs", "list", "--json").out or "[]") == []
        if (stoker.folder / ".stoker/stoker.db").exists()
        else True
    )


def test_all_errors_are_told_at_once(stoker: Stoker) -> None:
    done = stoker(
        "validate",
        document(
            stoker, "steps: [{name: a, comand: {run: [x]}}, {name: b, needs: [zz], retry: many, command: {run: [x]}}]"
        ),
    )
    assert done.code == 2
    assert all(word in done.err for word in ("comand", "zz", "retry")), done.err


def test_unknown_and_missing_parameters_are_named(stoker: Stoker) -> None:
    file = document(stoker, "parameters: {trees: {type: integer}}\nsteps: [{name: a, command: {run: [x]}}]")
    done = stoker("run", file, "--set", "tress=3")
    assert done.code == 2 and "tress" in done.err and "trees" in done.err
    assert stoker("run", file).code == 2
    done = stoker("run", file, "--set", "trees=many")
    assert done.code == 2 and "trees" in done.err


def test_ten_thousand_parameters(stoker: Stoker) -> None:
    names = [f"p{i}" for i in range(10_000)]
    parameters = "\n".join(f"  {name}: {{type: integer, default: 1}}" for name in names)
    file = document(
        stoker,
        f"parameters:\n{parameters}\nsteps: [{{name: a, command: {{run: [echo, '${{{{ parameters.p9999 }}}}']}}}}]",
    )
    settings = [word for name in names for word in ("--set", f"{name}=2")]
    done = stoker.run(file, *settings)
    assert done.code == 0, done.err
    assert stoker("runs", "logs", "latest", "a", "--stream", "stdout").out.strip() == "2"


def test_a_step_that_exits(stoker: Stoker) -> None:
    done = stoker.run(script(stoker, "echo oops >&2; exit 3"))
    assert done.code == 1
    assert done.step("work")["class"] == "userCode" and "3" in done.step("work")["error"]["message"]


def test_a_step_that_is_killed(stoker: Stoker) -> None:
    done = stoker.run(script(stoker, "kill -9 $$"))
    assert done.code == 1
    assert done.step("work")["class"] == "infrastructure"
    assert done.step("work")["error"]["signal"] == 9 and "signal 9" in done.step("work")["error"]["message"], done.step(
        "work"
    )


def test_a_step_that_hangs_past_its_timeout(stoker: Stoker) -> None:
    done = stoker.run(script(stoker, "sleep 1000 & sleep 1000", "timeout: 300ms"))
    assert done.code == 1
    assert done.step("work")["class"] == "timeout"


def test_a_step_that_closes_its_streams(stoker: Stoker) -> None:
    assert stoker.run(script(stoker, "exec <&- >&- 2>&-; true")).code == 0


def test_a_step_that_prints_a_gigabyte(stoker: Stoker) -> None:
    done = stoker.run(script(stoker, "head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo end"))
    assert done.code == 0, done.err
    assert stoker("runs", "logs", "latest", "work", "--tail", "1", "--stream", "stdout").out.strip().endswith("end")


def test_a_step_that_prints_binary(stoker: Stoker) -> None:
    done = stoker.run(script(stoker, "head -c 100000 /dev/urandom; head -c 1000 /dev/urandom >&2; exit 1"))
    assert done.code == 1
    plain = stoker("run", "bad.yaml")
    assert plain.code == 1 and "\x1b" not in plain.err


def test_a_step_that_leaves_children_behind(stoker: Stoker) -> None:
    pid_file = stoker.folder / "pid"
    done = stoker.run(script(stoker, f"setsid sleep 1000 & echo $! > {pid_file}; exit 0"))
    assert done.code == 0
    pid = int(pid_file.read_text())
    # Whoever adopted it may not have reaped it yet.
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_pipeline_file_that_fails_on_import(stoker: Stoker) -> None:
    file = module(stoker, "def broken():\n    return 1 / 0\n\nbroken()\n")
    done = stoker("run", file)
    assert done.code == 2
    assert "ZeroDivisionError" in done.err and "p.py" in done.err and "line" in done.err
    assert "_host.py" not in done.err, "the user's traceback, not ours"


PYTHON_STEP = """
@step
def work() -> int:
{body}

@pipeline
def bad() -> None:
    work()
"""


def python_step(stoker: Stoker, body: str) -> str:
    return module(stoker, PYTHON_STEP.format(body=textwrap.indent(textwrap.dedent(body).strip(), "    ")))


def test_a_python_step_that_raises(stoker: Stoker) -> None:
    file = python_step(stoker, "def inner():\n    raise ValueError(\"column 'radius' not found\")\ninner()\nreturn 1")
    done = stoker("run", file)
    assert done.code == 1
    assert "column 'radius' not found" in done.err and "in inner" in done.err and "p.py" in done.err
    assert len(done.err.splitlines()) < 15
    assert "_worker" not in done.err


@pytest.mark.parametrize("body", ["import sys; sys.exit(4)", "import os; os._exit(4)"])
def test_a_python_step_that_exits(stoker: Stoker, body: str) -> None:
    done = stoker.run(python_step(stoker, body))
    assert done.code == 1
    assert done.step("work")["class"] == "userCode"


def test_a_python_step_with_an_output_of_the_wrong_type(stoker: Stoker) -> None:
    done = stoker.run(python_step(stoker, "return 'text'"))
    assert done.code == 1
    assert "int" in done.step("work")["error"]["message"] and "str" in done.step("work")["error"]["message"]


RUBBISH = {
    "no frame": "b'\\xff' * 100",
    "no JSON": "struct.pack('>I', 4) + b'oops'",
    "no object": "struct.pack('>I', 2) + b'[]'",
    "a flood": "struct.pack('>I', 60_000) + b'x' * 50_000",
    "another version": '(lambda t: struct.pack(\'>I\', len(t)) + t)(b\'{"type": "hello", "versions": [99], "worker": "w"}\')',
}


@pytest.mark.parametrize("kind", RUBBISH)
def test_a_worker_that_writes_rubbish_into_the_protocol(stoker: Stoker, kind: str) -> None:
    # The worker does not tell the step which descriptor it is; a step that writes into all that it finds hits it.
    write = f"""
import os, struct
for name in os.listdir("/proc/self/fd"):
    if os.path.exists(f"/proc/self/fd/{{name}}") or os.path.islink(f"/proc/self/fd/{{name}}"):
        if os.readlink(f"/proc/self/fd/{{name}}").startswith("socket:"):
            os.write(int(name), {RUBBISH[kind]})
"""
    # The result is a document of its own: what the stream says is only news.
    done = stoker.run(python_step(stoker, write + "return 7"))
    assert done.code == 0, done.err
    assert done.step("work")["outputs"]["output"]["value"] == 7
    # Without a result the failure says what was wrong with the stream, too.
    done = stoker.run(python_step(stoker, write + "os._exit(0)"))
    assert done.code == 1
    error = done.step("work")["error"]
    assert done.step("work")["class"] == "userCode"
    assert "before the step had returned" in error["message"]
    assert kind == "a flood" or "STOKER_PROTOCOL" in error["hint"] or "step protocol" in error["hint"], error


def test_a_python_step_that_closes_its_streams(stoker: Stoker) -> None:
    body = (
        "import os, sys\nfor stream in (sys.stdin, sys.stdout, sys.stderr):\n    stream.close()\nfor fd in (0, 1, 2):\n"
    )
    done = stoker.run(
        python_step(stoker, body + "    try:\n        os.close(fd)\n    except OSError:\n        pass\nreturn 7")
    )
    assert done.code == 0, done.err + done.out
    assert done.step("work")["outputs"]["output"]["value"] == 7


@pytest.mark.parametrize(
    "body",
    [
        "raise MemoryError('out')",
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))\nreturn len(bytearray(1 << 40))",
    ],
)
def test_out_of_memory_has_its_class(stoker: Stoker, body: str) -> None:
    done = stoker.run(python_step(stoker, body))
    assert done.code == 1
    assert done.step("work")["class"] == "outOfMemory"


def test_a_missing_interpreter_is_an_environment_error(stoker: Stoker) -> None:
    done = stoker("run", python_step(stoker, "return 1"), "--python", "/nowhere/python3")
    assert done.code == 3
    assert "/nowhere/python3" in done.err


SPARK_STEP = """
from pyspark.sql import SparkSession
from stoker import Spark

@step(spark=Spark())
def work(session: SparkSession) -> int:
    return 1

@pipeline
def bad() -> None:
    work()
"""


def test_a_missing_pyspark_is_named(stoker: Stoker, tmp_path: pathlib.Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run(["python3", "-m", "venv", "--without-pip", str(bare)], check=True)
    done = stoker("run", module(stoker, SPARK_STEP), "--python", str(bare / "bin/python"))
    assert done.code == 2
    assert "No module named 'pyspark'" in done.err and "p.py" in done.err
    # A file that does not import it compiles; the step says what is missing, and what to do.
    file = module(
        stoker, SPARK_STEP.replace("from pyspark.sql import SparkSession", "").replace("session: SparkSession", "")
    )
    done = stoker.run(file, "--python", str(bare / "bin/python"))
    assert done.code == 1
    error = done.step("work")["error"]
    assert "has no pyspark" in error["message"] and "pip install pyspark" in error["hint"]


def test_a_missing_java_is_named(stoker: Stoker, tmp_path: pathlib.Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "bash", "env", "uname", "dirname", "ps", "ls"):
        found = shutil.which(name)
        if found:
            (tools / name).symlink_to(found)
    python = shutil.which("python", path=stoker.environment["PATH"]) or "python3"
    done = stoker("run", module(stoker, SPARK_STEP), "--python", python, PATH=str(tools), JAVA_HOME="/nowhere")
    assert done.code == 1
    assert "no Java at /nowhere" in done.err and "install a JDK 17" in done.err, done.err


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> pathlib.Path:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_while_an_output_is_published(stoker: Stoker, small_disk: pathlib.Path) -> None:
    file = script(
        stoker,
        "head -c 8000000 /dev/zero > ${TMPDIR:-/tmp}/big.$$; mv ${TMPDIR:-/tmp}/big.$$ big || true; ls",
        "outputs: {big: {from: file, path: big, type: file}}",
    )
    done = stoker("run", file, "--store", str(small_disk / "store"))
    assert done.code in (1, 3)
    assert "no space left" in done.err.lower(), done.err
    assert stoker("runs", "list", "--store", str(small_disk / "store")).code == 0


def test_a_full_disk_while_the_database_is_written(stoker: Stoker, small_disk: pathlib.Path) -> None:
    store = str(small_disk / "store")
    file = script(stoker, "true")
    assert stoker("run", file, "--store", store).code == 0
    filler = os.open(small_disk / "filler", os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(filler, b"x" * 4096)
    os.close(filler)
    done = stoker("run", file, "--store", store)
    assert done.code == 3 and "space" in done.err.lower()
    (small_disk / "filler").unlink()
    assert stoker("run", file, "--store", store).code == 0, "the store is usable again"


def test_a_corrupt_database(stoker: Stoker) -> None:
    file = script(stoker, "true")
    assert stoker("run", file).code == 0
    database = stoker.folder / ".stoker/stoker.db"
    for extra in stoker.folder.glob(".stoker/stoker.db-*"):
        extra.unlink()
    database.write_bytes(b"this is not a database" * 1000)
    done = stoker("run", file)
    assert done.code == 3 and "stoker.db" in done.err
    assert database.read_bytes().startswith(b"this is not"), "nothing is overwritten"


def test_a_newer_database(stoker: Stoker) -> None:
    file = script(stoker, "true")
    assert stoker("run", file).code == 0
    with sqlite3.connect(stoker.folder / ".stoker/stoker.db") as database:
        tables = [row[0] for row in database.execute("select name from sqlite_master where name like '%migration%'")]
        if tables:
            columns = [row[1] for row in database.execute(f"pragma table_info({tables[0]})")]
            values = ["999999" if column in ("version", "id", "number") else "'x'" for column in columns]
            with contextlib.suppress(sqlite3.Error):
                database.execute(f"insert into {tables[0]} values ({', '.join(values)})")
        database.execute("pragma user_version = 999999")
    done = stoker("run", file)
    assert done.code == 3 and "newer" in done.err


def test_a_deleted_artifact_is_made_again(stoker: Stoker) -> None:
    file = python_step(stoker, "return 7")
    first = stoker.run(file)
    assert first.code == 0, first.err
    assert stoker.run(file).step("work")["cached"] is True
    shutil.rmtree(stoker.folder / ".stoker/artifacts")
    again = stoker.run(file)
    assert again.code == 0 and again.step("work")["cached"] is False


def test_a_read_only_store(stoker: Stoker) -> None:
    if os.geteuid() == 0:
        # Root writes anywhere; a read-only mount is the same to it.
        folder = stoker.folder / "ro"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(folder)], check=True)
    else:
        folder = stoker.folder / "ro"
        folder.mkdir(mode=0o500)
    try:
        done = stoker("run", script(stoker, "true"), "--store", str(folder / "store"))
        assert done.code == 3
        assert str(folder) in done.err and "ead-only" in done.err, done.err
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", str(folder)], check=True)


def test_a_store_that_cannot_be_made(stoker: Stoker) -> None:
    done = stoker("run", script(stoker, "true"), "--store", "/proc/stoker")
    assert done.code == 3
    assert "cannot make the store /proc/stoker" in done.err and "--store" in done.err, done.err


def test_paths_with_spaces_and_unicode(stoker: Stoker) -> None:
    folder = stoker.folder / "mein Projekt – 日本"
    folder.mkdir()
    (folder / "data file.csv").write_text("a\n1\n")
    (folder / "p.py").write_text(
        textwrap.dedent("""
        from stoker import File, pipeline, step

        @step
        def read(path: File) -> str:
            return open(path).read()

        @pipeline
        def unicode(path: File = File("data file.csv")) -> None:
            read(path)
        """)
    )
    done = stoker.run(str(folder / "p.py"))
    assert done.code == 0, done.err + done.out


def test_no_network_at_all(stoker: Stoker) -> None:
    if os.geteuid() != 0:
        pytest.skip("an empty network namespace needs root")
    stoker.write(
        "p.py",
        "from stoker import pipeline, step\n@step\ndef f() -> int:\n    return 1\n@pipeline\ndef p() -> None:\n    f()\n",
    )
    done = subprocess.run(
        ["unshare", "--net", *stoker.command("run", "p.py")],
        cwd=stoker.folder,
        env=stoker.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_interrupting_twice_ends_at_once(stoker: Stoker) -> None:
    file = script(stoker, "trap '' TERM INT; echo up; while true; do sleep 1; done")
    program = stoker.start("run", file, "--json")
    assert program.stdout is not None
    for line in program.stdout:
        if '"step.started"' in line:
            break
    program.send_signal(signal.SIGINT)
    for line in program.stdout:
        if '"run.stopping"' in line:
            break
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=30)
    assert program.returncode == 130


def test_misspelt_words_suggest_the_nearest(stoker: Stoker) -> None:
    for words, near in (
        (["rnu", "x"], "run"),
        (["run", "x.py", "--no-cahce"], "--no-cache"),
        (["runs", "shwo"], "show"),
    ):
        done = stoker(*words)
        assert done.code == 2 and near in done.err
