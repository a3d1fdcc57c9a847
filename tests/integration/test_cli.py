"""The verbs as a user types them: help, mistakes, JSON, completion, the scaffold, and Ctrl-C at any moment."""

from __future__ import annotations

import json
import os
import pathlib
import re
import select
import signal
import subprocess
import sys

import pytest
from conftest import LIMIT_SECONDS, PROGRAM, ROOT, Stoker

PIPELINE = """
    apiVersion: stoker.dev/v1beta1
    kind: Pipeline
    name: demo
    steps:
      - name: first
        command: {script: 'echo rows=41 >> "$STOKER_RESULT"'}
        outputs: {rows: {from: result, type: integer}}
        cache: true
      - name: other
        command: {run: [echo, hello]}
        needs: [first]
"""


@pytest.fixture
def demo(stoker: Stoker) -> Stoker:
    stoker.write("demo.yaml", PIPELINE)
    done = stoker.run("demo.yaml")
    assert done.code == 0, done.err
    return stoker


def verbs(*path: str) -> list[list[str]]:
    """Every verb that does something, as its words."""
    text = subprocess.run([PROGRAM, "help", *path], capture_output=True, text=True, check=True).stdout
    inner = text.partition("Subcommands:")[2].partition("Examples:")[0]
    names = re.findall(r"^  (\w+)", inner, re.MULTILINE)
    return [deeper for name in names for deeper in verbs(*path, name)] if names else [list(path)]


def flags(path: list[str]) -> set[str]:
    text = subprocess.run([PROGRAM, "help", *path], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"(--[a-z-]+)", text.partition("Options:")[2].partition("Examples:")[0]))


def test_the_reference_has_every_verb_and_flag() -> None:
    page = (ROOT / "docs/reference/cli.md").read_text()
    sections = dict(re.findall(r"^### `stoker ([\w ]+)`.*?\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))
    shared = {"--help", "--store", "--json", "--no-color"}
    for path in verbs():
        name = " ".join(path)
        assert name in sections, f"docs/reference/cli.md lacks: stoker {name}"
        written = set(re.findall(r"`(?:-\w, )?(--[a-z-]+)", sections[name]))
        assert written == flags(path) - shared, name


def test_every_help_has_an_example() -> None:
    for path in verbs():
        text = subprocess.run([PROGRAM, *path, "--help"], capture_output=True, text=True, check=True).stdout
        assert "Examples:\n  " in text and f"Usage: stoker {' '.join(path)}" in text, text
        assert max(map(len, text.splitlines())) <= 120, text


@pytest.mark.parametrize(
    "words",
    [
        "runs list",
        "runs show",
        "runs cancel",
        "artifacts list",
        "artifacts show first",
        "artifacts path other/missing",
        "cache list",
        "cache explain first",
        "cache invalidate --step first",
        "gc --dry-run",
        "workers list",
        "workers stop",
        "doctor",
        "version",
        "validate demo.yaml nothing.yaml",
        "init made",
        "runs delete latest --yes",
    ],
)
def test_json_is_json(demo: Stoker, words: str) -> None:
    done = demo(*words.split(), "--json")
    if words.startswith("artifacts path"):
        assert done.code == 2 and done.out == "", "an error is a text on standard error"
        return
    json.loads(done.out)
    assert done.code == (2 if words.startswith("validate") else 0), done.err


def test_validate_tells_each_file_in_json(demo: Stoker) -> None:
    demo.write("bad.yaml", "apiVersion: stoker.dev/v1beta1\nkind: Pipeline\nname: x\nstpes: []\n")
    rows = json.loads(demo("validate", "demo.yaml", "bad.yaml", "--json").out)
    assert [row["valid"] for row in rows] == [True, False]
    assert (
        rows[0]["steps"] == 2
        and rows[1]["error"]["code"] == "invalid_document"
        and "stpes" in rows[1]["error"]["message"]
    )


def test_an_empty_selection_selects_nothing(demo: Stoker) -> None:
    before = demo("cache", "list").out
    assert demo("cache", "invalidate", "--step", "").code == 2
    assert demo("runs", "delete", "", "--yes").code == 2
    assert demo("cache", "list").out == before and "demo" in before


def test_a_misspelt_step_is_named_by_the_nearest(demo: Stoker) -> None:
    for words in (["runs", "logs", "latest", "fisrt"], ["cache", "explain", "fisrt"], ["artifacts", "show", "fisrt"]):
        wrong = demo(*words)
        assert wrong.code == 2 and 'did you mean "first"?' in wrong.err, wrong.err
    assert 'did you mean "first"?' in demo("cache", "invalidate", "--step", "fisrt").out


def test_a_filter_that_fits_nothing_says_so(demo: Stoker) -> None:
    assert "no such runs" in demo("runs", "list", "--pipeline", "other").out
    assert demo("runs", "list", "--state", "running", "--limit", "1").out == "no such runs\n"


def test_logs_of_a_cached_step_say_where_they_are(demo: Stoker) -> None:
    first = demo("runs", "list", "--json").out
    assert demo.run("demo.yaml").step("first")["cached"]
    shown = demo("runs", "logs", "latest", "first")
    assert shown.code == 0
    assert "first was taken from the cache" in shown.err
    assert f"stoker runs logs {json.loads(first)[0]['run']}" in shown.err


def test_a_list_that_is_cut_says_so(demo: Stoker) -> None:
    assert "older runs" not in demo("runs", "list", "--limit", "1").err
    assert demo.run("demo.yaml").code == 0
    cut = demo("runs", "list", "--limit", "1")
    assert len(cut.out.splitlines()) == 2 and "there are older runs" in cut.err
    assert "older runs" not in demo("runs", "list").err


def test_show_lists_steps_as_the_run_went(stoker: Stoker) -> None:
    stoker.write("demo.yaml", PIPELINE.replace("name: other", "name: a_later_one"))
    assert stoker.run("demo.yaml").code == 0
    assert [step["step"] for step in json.loads(stoker("runs", "show", "--json").out)["steps"]] == [
        "first",
        "a_later_one",
    ]


def test_compile_writes_through_links_and_pipes(demo: Stoker) -> None:
    assert demo("compile", "demo.yaml", "-o", "-").out == demo("compile", "demo.yaml").out
    target = demo.write("target.json", "old")
    link = demo.folder / "link.json"
    link.symlink_to(target)
    assert demo("compile", "demo.yaml", "-o", "link.json").code == 0
    assert link.is_symlink() and json.loads(target.read_text())["name"] == "demo"
    assert demo("compile", "demo.yaml", "-o", "/dev/stdout").out == demo("compile", "demo.yaml").out


def test_fail_fast_starts_nothing_new(stoker: Stoker) -> None:
    stoker.write(
        "fast.yaml",
        """
        apiVersion: stoker.dev/v1beta1
        kind: Pipeline
        name: fast
        steps:
          - {name: bad, command: {run: ["false"]}}
          - {name: apart, command: {run: ["true"]}}
        """,
    )
    assert stoker.run("fast.yaml", "--parallelism", "1").steps("step.started") == ["bad", "apart"]
    assert stoker.run("fast.yaml", "--parallelism", "1", "--fail-fast").steps("step.started") == ["bad"]


def test_the_projects_python_is_used(stoker: Stoker) -> None:
    stoker.write("pyproject.toml", '[tool.stoker]\npython = "bin/my python"\n')
    (stoker.folder / "bin").mkdir()
    (stoker.folder / "bin" / "my python").symlink_to(sys.executable)
    shown = {row["what"]: row["text"] for row in json.loads(stoker("doctor", "--json").out)}
    assert "the project's setting" in shown["python"] and "bin/my python" in shown["python"]


def test_doctor_says_that_java_does_not_fit(stoker: Stoker) -> None:
    java = stoker.folder / "java8"
    (java / "bin").mkdir(parents=True)
    (java / "bin" / "java").write_text("#!/bin/sh\n")
    (java / "release").write_text('JAVA_VERSION="1.8.0_392"\n')
    done = stoker("doctor", "--json", JAVA_HOME=str(java))
    finding = {row["what"]: row for row in json.loads(done.out)}
    assert finding["stoker"]["verdict"] == "good"
    if finding["spark"]["text"].startswith("4."):
        assert done.code == 3 and finding["java"]["verdict"] == "problem" and "17" in finding["java"]["advice"]
    else:
        assert finding["java"]["verdict"] == "good"


def test_doctor_sees_a_damaged_store(demo: Stoker) -> None:
    database = demo.folder / ".stoker" / "stoker.db"
    size = database.stat().st_size
    with open(database, "r+b") as stream:
        stream.seek(size // 2)
        stream.write(b"\xff" * (size // 4))
    done = demo("doctor", "--json")
    finding = {row["what"]: row for row in json.loads(done.out)}
    assert done.code == 3 and finding["store"]["verdict"] == "problem", done.out


def start_one_that_hangs_on_import(stoker: Stoker, verb: str) -> tuple[subprocess.Popen[str], int]:
    """The program, and the process of the Python that imports."""
    begun, never = stoker.folder / "begun", stoker.folder / "never"
    os.mkfifo(begun)
    os.mkfifo(never)
    stoker.write(
        "hangs.py",
        f"""
        import os
        with open({str(begun)!r}, "w") as stream:
            stream.write(str(os.getpid()))
        open({str(never)!r}).read()
        """,
    )
    process = stoker.start(verb, "hangs.py")
    return process, int(begun.read_text())


@pytest.mark.parametrize("verb", ["run", "validate", "compile"])
def test_control_c_ends_a_module_that_hangs_on_import(stoker: Stoker, verb: str) -> None:
    process, python = start_one_that_hangs_on_import(stoker, verb)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 130, err
    assert "cancelled" in err
    with pytest.raises(ProcessLookupError):
        os.kill(python, 0)


def test_python_does_not_outlive_a_killed_program(stoker: Stoker) -> None:
    process, python = start_one_that_hangs_on_import(stoker, "compile")
    watched = os.pidfd_open(python)
    process.kill()
    process.communicate(timeout=LIMIT_SECONDS)
    assert select.select([watched], [], [], LIMIT_SECONDS)[0], "the Python lives on"
    os.close(watched)


def test_the_scaffold_runs_and_its_test_passes_and_it_is_typed(stoker: Stoker) -> None:
    assert stoker("init", "my project").code == 0
    project = Stoker(
        stoker.folder / "my project",
        {**stoker.environment, "PYTHONPATH": str(ROOT / "python"), "MYPYPATH": str(ROOT / "python")},
    )
    done = project.run("pipeline.py", "--set", "rows=50")
    assert done.code == 0, done.err
    assert done.finished["state"] == "succeeded"
    for words in (
        ["pytest", "-q", "-p", "no:cacheprovider"],
        ["mypy", "--strict", "--no-incremental", "pipeline.py", "tests"],
    ):
        checked = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=project.folder,
            env=project.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


def complete(stoker: Stoker, line: str) -> list[str]:
    """What bash offers for the last word of `line`."""
    script = f"""
        source <({PROGRAM} completion bash)
        COMP_WORDS=({line}{' ""' if line.endswith(" ") else ""})
        COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        _stoker
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], cwd=stoker.folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("stoker ru", {"run", "runs"}),
        ("stoker runs ", {"list", "show", "logs", "resume", "cancel", "delete"}),
        ("stoker runs list --st", {"--state", "--store"}),
        ("stoker runs list --state ", {"failed", "interrupted"}),
        ("stoker runs list --state fa", {"failed"}),
        ("stoker completion ", {"bash", "zsh", "fish"}),
        ("stoker run --no-", {"--no-cache", "--no-color"}),
        ("stoker run pipe", {"pipeline.py"}),
        ("stoker run --set-file par", {"parameters.yaml"}),
    ],
)
def test_bash_completes_verbs_flags_values_and_files(stoker: Stoker, line: str, offered: set[str]) -> None:
    for name in ("pipeline.py", "parameters.yaml"):
        (stoker.folder / name).touch()
    found = set(complete(stoker, line))
    assert offered <= found, found
    if not line.endswith(" "):
        assert all(word.startswith(line.split(" ")[-1]) for word in found), found


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_every_verb(shell: str) -> None:
    script = subprocess.run([PROGRAM, "completion", shell], capture_output=True, text=True, check=True).stdout
    for path in verbs():
        assert path[-1] in script
    assert "--state" in script or "-l state" in script


def test_the_end_of_a_failed_run_is_short(stoker: Stoker) -> None:
    stoker.write(
        "fails.py",
        """
        from typing import List
        from stoker import pipeline, step

        def deep(n: int) -> int:
            return deep(n - 1) if n else int("no number")

        @step
        def bad(x: int) -> int:
            return deep(30)

        @pipeline
        def fails() -> None:
            bad.map(x=[1, 2, 3, 4, 5])
        """,
    )
    done = stoker("run", "fails.py")
    assert done.code == 1
    lines = done.err.strip().splitlines()
    assert len(lines) < 15, done.err
    assert (
        "bad[" in done.err
        and "ValueError" in done.err
        and "stderr.log" in done.err
        and "stoker runs resume" in done.err
    )
    assert not any(str(ROOT / "python") in line for line in lines), "the traceback is the user's own"


def test_output_that_nobody_reads_ends_quietly(demo: Stoker) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [PROGRAM, "runs", "show", "--events"],
        cwd=demo.folder,
        env=demo.environment,
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    assert done.returncode in (0, -signal.SIGPIPE) and done.stderr == b""


def test_pages_link_to_what_is_there() -> None:
    broken = []
    for page in [
        ROOT / "README.md",
        ROOT / "ARCHITECTURE.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if not re.match(r"\w+:", link) and not (page.parent / pathlib.PurePosixPath(link)).exists():
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


def test_a_new_file_is_imported_once_for_its_document_and_its_steps(stoker: Stoker) -> None:
    stoker.write(
        "my-flow.py",
        """
        from stoker import pipeline, step

        with open("imports", "a") as file:
            print("once", file=file)

        @step
        def first() -> int:
            return 1

        @step
        def second(number: int) -> int:
            return number + 1

        @pipeline
        def flow() -> None:
            second(first())
        """,
    )
    (stoker.folder / "flow.py").write_bytes((stoker.folder / "my-flow.py").read_bytes())
    for file in ("flow.py", "my-flow.py"):
        (stoker.folder / "imports").unlink(missing_ok=True)
        assert stoker.run(file, "--no-cache").code == 0
        assert (stoker.folder / "imports").read_text().split() == ["once"]
