# ruff: noqa: E501
"""What a step is seen to use: files, paths that it asks about, imports, the environment, data from elsewhere."""

from __future__ import annotations

import hashlib
import os
import pathlib
from typing import Any

import pytest
from worker_project import Project


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    return Project(tmp_path)


def test_the_environment_that_a_step_reads_is_observed(project: Project) -> None:
    project.file("pipeline.py", """
        def f(lines) -> None:
            exec(lines)
        """)  # fmt: skip
    project.environment = {"SET": "value", "OTHER": "o", "SECRET": "s", "PWD": "/", "TMPDIR": str(project.folder)}

    def digest(value: str) -> str:
        return "sha256:" + hashlib.sha256(value.encode()).hexdigest()

    def seen(lines: str) -> Any:
        result = project.run("f", {"lines": "import os\n" + lines}, [], environment=["SECRET"])
        assert result["state"] == "succeeded", result
        assert "value" not in str(result["observed"])
        return result["observed"].get("environment", {})

    for read in ("os.environ['SET']", "os.getenv('SET')", "os.environ.get('SET')", "'SET' in os.environ", "os.environb[b'SET']",
                 "os.path.expandvars('$SET')", "os.environ.setdefault('SET', 'x')", "os.environ.pop('SET')"):  # fmt: skip
        assert seen(read) == {"SET": digest("value")}, read
    assert seen("os.getenv('UNSET')") == {"UNSET": None}
    assert seen("os.environ['SET']; os.environ['SET'] = 'new'; os.environ['SET']") == {"SET": digest("value")}
    for read in ("os.environ['SET'] = 'new'; os.environ['SET']", "os.getenv('SECRET')", "os.getenv('STOKER_RUN')", "os.getenv('PWD')",
                 "os.getenv('SPARK_HOME')", "import tempfile; tempfile.gettempdir()", "import locale; locale.getlocale()"):  # fmt: skip
        assert seen(read) == {}, read
    assert (
        seen(
            "import cloudpickle, pickle\nassert type(pickle.loads(cloudpickle.dumps(os.environ))).__name__ == '_Environ'"
        )
        == {}
    )
    everything = seen("dict(os.environ)")
    assert everything["*"] is None and everything["OTHER"] == digest("o")
    assert not {"SECRET", "PWD", "STOKER_RUN"} & everything.keys()


def test_a_pipe_is_not_read_beside_the_step(project: Project) -> None:
    project.file("pipeline.py", """
        def f(path: str) -> int:
            import os, signal
            os.mkfifo(path)
            signal.alarm(20)  # an end, if something waits for who writes into it
            return len(os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 10))
        """)  # fmt: skip
    result = project.run("f", {"path": str(project.root / "pipe")})
    assert result["outputs"]["output"]["value"] == 0, result
    assert all(os.path.basename(entry["path"]) != "pipe" for entry in result["observed"]["files"])


def test_what_a_step_used_is_observed(project: Project) -> None:
    project.file("pipeline.py", "import eager\n\ndef f(given) -> int:\n" + "".join(f"    {line}\n" for line in (
        "import late, json, warnings",
        "import package.inner",
        "from importlib import import_module; import_module('dynamic')",
        "here = __file__.rsplit('/', 1)[0]",
        "open(here + '/data.txt').read()",
        "open(here + '/changed.txt').read(); open(here + '/changed.txt', 'w').write('new')",
        "open(here + '/made.txt', 'w').write('x'); open(here + '/made.txt').read()",
        "import pathlib; pathlib.Path(here, 'bytes.bin').read_bytes(); str(given), open(given).read()",
        "import os; os.chdir(here); open('relative.txt').close(); os.close(os.open('low.txt', os.O_RDONLY))",
        "open('/etc/hostname').close() if os.path.exists('/etc/hostname') else None",
        "from stoker import context; open(context().scratch + '/s', 'w').close(); open(context().scratch + '/s').close()",
        "warnings.warn('shows this line')",
        "try: 1 / 0",
        "except ZeroDivisionError: import traceback; traceback.print_exc()",
        "return late.x",
    )))  # fmt: skip
    for name, text in {
        "eager.py": "", "late.py": "x = 1", "package/__init__.py": "", "package/inner.py": "", "dynamic.py": "", "unused.py": "", "data.txt": "d", "changed.txt": "old",
        "bytes.bin": "b", "relative.txt": "r", "low.txt": "l", "given.txt": "g", "unread.txt": "u", ".venv/lib/python3/site-packages/lib.py": "",
    }.items():  # fmt: skip
        project.file(name, text)
    for _ in range(2):  # the second time with compiled files
        project.file("changed.txt", "old")
        (project.root / "made.txt").unlink(missing_ok=True)
        result = project.run("f", {"given": {"$file": {"path": str(project.root / "given.txt")}}})
        assert result["state"] == "succeeded", result
        found = {os.path.relpath(entry["path"], project.root): entry["kind"] for entry in result["observed"]["files"]}
        modules = {"late.py", "package/__init__.py", "package/inner.py", "dynamic.py"}
        files = {"data.txt", "changed.txt", "bytes.bin", "relative.txt", "low.txt"}
        places = {
            "late",
            "package",
            "package.py",
            "package/inner",
            "dynamic",
        }  # where the imports looked first, or found a package
        assert found == {
            **dict.fromkeys(modules, "module"),
            **dict.fromkeys(files, "file"),
            **dict.fromkeys(places, "path"),
        }
        digests = {os.path.basename(entry["path"]): entry["digest"] for entry in result["observed"]["files"]}
        assert digests["changed.txt"] == "sha256:" + hashlib.sha256(b"old").hexdigest()
        assert result["observed"]["outsideReads"] == []


def test_what_is_asked_about_paths_is_observed(project: Project, tmp_path: pathlib.Path) -> None:
    (project.root / "link").symlink_to("there.txt")
    project.file("there.txt", "x")
    project.file("sized.txt", "x")
    project.file("read.txt", "x")
    project.file("pipeline.py", "import os, pathlib, shutil, linecache\n\ndef f(outside: str) -> int:\n" + "".join(f"    {line}\n" for line in (
        "here = pathlib.Path(__file__).resolve().parent",
        "os.path.exists(here / 'no.txt'), (here / 'there.txt').is_file(), os.readlink(here / 'link')",
        "(here / 'sized.txt').stat(), os.path.exists(here / 'read.txt'), (here / 'read.txt').read_text()",
        "os.path.exists(outside), os.path.isdir('/usr'), linecache.getlines(__file__), shutil.which('sh')",
        "try: open(here / 'looked.txt')",
        "except OSError: pass",
        "try: open('<unknown>')",
        "except OSError: pass",
        "os.makedirs(here / 'made/deep', exist_ok=True); os.path.exists(here / 'made')",
        "(here / 'own.txt').write_text('x'); os.path.exists(here / 'own.txt')",
        "assert os.stat in os.supports_follow_symlinks and os.stat.__name__ == 'stat'",
        "import pickle; assert pickle.loads(pickle.dumps(os.stat)) is os.stat",
        "return 1",
    )))  # fmt: skip
    result = project.run("f", {"outside": str(tmp_path / "elsewhere.txt")})
    assert result["state"] == "succeeded", result
    found = {
        os.path.relpath(entry["path"], project.root): (entry["kind"], entry["digest"])
        for entry in result["observed"]["files"]
    }
    states = {name: digest for name, (kind, digest) in found.items() if kind == "path"}
    elsewhere = os.path.relpath(tmp_path / "elsewhere.txt", project.root)
    own = {"pipeline.py": "file", ".": "folder"}  # of resolve()
    assert {name: state for name, state in states.items() if name not in own or state != own[name]} == {
        "no.txt": "absent", "looked.txt": "absent", "pickle": "absent", "pickle.py": "absent", "there.txt": "file", "link": "link file there.txt", elsewhere: "absent",
    }  # fmt: skip
    assert sorted(name for name, (kind, _) in found.items() if kind == "file") == ["read.txt", "sized.txt"]
    assert result["observed"]["outsideReads"] == []


def test_data_from_elsewhere_and_listings_are_noted(project: Project, tmp_path: pathlib.Path) -> None:
    project.file("data/a.csv", "x")
    project.file("pipeline.py", "import glob, os, sqlite3, tempfile, importlib.metadata\n\ndef f(outside: str) -> int:\n" + "".join(f"    {line}\n" for line in (
        "here = __file__.rsplit('/', 1)[0]",
        "open(outside).read()",
        "assert len(glob.glob(here + '/data/*.csv')) == 1",
        "[d.metadata['Name'] for d in importlib.metadata.distributions()]",
        "os.makedirs(here + '/made'); open(here + '/made/x', 'w').close(); os.listdir(here + '/made')",
        "open(os.path.join(tempfile.mkdtemp(), 'x'), 'w').close()",
        "sqlite3.connect(here + '/some.db').execute('select 1')",
        "return 1",
    )))  # fmt: skip
    import sqlite3

    connection = sqlite3.connect(project.root / "some.db")
    connection.execute("create table t (x)")
    connection.close()
    (tmp_path / "outside.csv").write_text("x")
    result = project.run("f", {"outside": str(tmp_path / "outside.csv")})
    assert result["state"] == "succeeded", result
    assert result["observed"]["outsideReads"] == [
        f"file:{tmp_path}/outside.csv",
        f"file:{project.root}/data (its list of files)",
    ]
    assert [os.path.basename(entry["path"]) for entry in result["observed"]["files"]] == ["some.db"]


def test_native_readers_are_seen(project: Project, tmp_path: pathlib.Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    for name in ("a", "b", "dir/c"):
        (project.root / name).parent.mkdir(exist_ok=True)
        pandas.DataFrame({"x": [1]}).to_parquet(project.root / f"{name}.parquet")
    pandas.DataFrame({"x": [1]}).to_parquet(tmp_path / "out.parquet")
    project.file("pipeline.py", "import os, pandas\n\ndef f(outside: str) -> int:\n" + "".join(f"    {line}\n" for line in (
        "os.chdir(os.path.dirname(__file__))",
        "import pyarrow.parquet, pyarrow.dataset",
        "return sum(map(len, [pandas.read_parquet('a.parquet'), pyarrow.parquet.read_table('b.parquet'), pandas.read_parquet('dir'), pandas.read_parquet(outside)]))",
    )))  # fmt: skip
    result = project.run("f", {"outside": str(tmp_path / "out.parquet")})
    assert result["outputs"]["output"]["value"] == 4, result
    read = [os.path.basename(entry["path"]) for entry in result["observed"]["files"] if entry["kind"] == "file"]
    assert read == ["a.parquet", "b.parquet", "c.parquet"]
    assert result["observed"]["outsideReads"] == [
        f"file:{project.root}/dir (its list of files)",
        f"file:{tmp_path}/out.parquet",
    ]


def test_a_project_through_a_link(project: Project, tmp_path: pathlib.Path) -> None:
    project.file(
        "pipeline.py", "def f() -> str:\n    return open(__file__.replace('pipeline.py', 'data.txt')).read()\n"
    )
    project.file("data.txt", "d")
    real, project.root = project.root, tmp_path / "link"
    project.root.symlink_to(real)
    result = project.run("f")
    assert [os.path.basename(entry["path"]) for entry in result["observed"]["files"]] == ["data.txt"]
