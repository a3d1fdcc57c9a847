"""The cache table for real: each project is run once; then each edit is applied to a fresh copy of project and store, run again, and the step that the edit
is about must have come from the cache, or not. tests/data/cache-edits.yaml is the table; adding an edit needs no Python."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import sys
from typing import Any

import pytest
from conftest import ROOT, Stoker, make_stoker

sys.path.insert(0, str(ROOT / "python/tests"))
import cache_edits

TABLE = cache_edits.read_table()


class Baseline:
    """A project that has run once, and a snapshot of it. Copies take its place, since the paths in the store are absolute. The
    folder `outside` beside it is the user's too."""

    def __init__(self, folder: pathlib.Path, name: str) -> None:
        self.project = TABLE["projects"][name]
        self.stoker: Stoker = make_stoker(folder)
        self.site = folder / "site-packages"
        self.stoker.environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [self.stoker.environment.get("PYTHONPATH"), str(self.site)])
        )
        cache_edits.write_files(self.stoker.folder, self.project["files"])
        self.outside = self.stoker.folder.parent / "outside"
        self.outside.mkdir(exist_ok=True)
        cache_edits.install(self.site, self.project.get("distributions", {}))
        done = self.run({})
        assert done.code == 0, done.err + done.out[-3000:]
        self.snapshot = folder / "snapshot"
        shutil.copytree(self.stoker.folder, self.snapshot / "project", symlinks=True)
        shutil.copytree(self.outside, self.snapshot / "outside", symlinks=True)
        if self.site.exists():
            shutil.copytree(self.site, self.snapshot / "site-packages")

    def run(self, parameters: dict[str, Any], **changed: str | None) -> Any:
        environment = {**self.stoker.environment, **self.project.get("environment", {}), **changed}
        settings = [word for name, value in parameters.items() for word in ("--set", f"{name}={value}")]
        given = Stoker(self.stoker.folder, {name: value for name, value in environment.items() if value is not None})
        return given.run("pipeline.py", "--pipeline", self.project.get("pipeline", "main"), *settings)

    def restore(self) -> None:
        shutil.rmtree(self.stoker.folder)
        shutil.copytree(self.snapshot / "project", self.stoker.folder, symlinks=True)
        shutil.rmtree(self.outside)
        shutil.copytree(self.snapshot / "outside", self.outside, symlinks=True)
        if self.site.exists():
            shutil.rmtree(self.site)
            shutil.copytree(self.snapshot / "site-packages", self.site)


class Baselines(dict[str, Baseline]):
    """Each is made when the first of its edits comes."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        super().__init__()
        self.folders = folders

    def __missing__(self, name: str) -> Baseline:
        made = self[name] = Baseline(self.folders.mktemp(name), name)
        return made


@pytest.fixture(scope="module")
def baselines(tmp_path_factory: pytest.TempPathFactory) -> Baselines:
    return Baselines(tmp_path_factory)


def artifacts_of(stoker: Stoker, step: str) -> list[pathlib.Path]:
    return [path for path in (stoker.folder / ".stoker/artifacts").glob(f"*/*/{step}") if path.is_dir()]


@pytest.mark.parametrize("edit", TABLE["edits"], ids=lambda edit: edit["name"])
def test_an_edit_hits_or_misses(baselines: Baselines, edit: dict[str, Any]) -> None:
    baseline = baselines[edit["project"]]
    baseline.restore()
    changes = edit["change"]
    cache_edits.change_files(baseline.stoker.folder, changes)
    distributions = cache_edits.setting(changes, "distribution")
    if distributions:
        cache_edits.install(baseline.site, distributions)
    for change in changes:
        for step in (change.get("remove_artifacts"), change.get("damage_artifacts")):
            if step is None:
                continue
            folders = artifacts_of(baseline.stoker, step)
            assert folders, f"{step} has no artifacts"
            for folder in folders:
                if "remove_artifacts" in change:
                    shutil.rmtree(folder)
                else:
                    for path in folder.rglob("*"):
                        if path.is_file():
                            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    done = baseline.run(cache_edits.setting(changes, "parameters"), **cache_edits.setting(changes, "environment"))
    end = done.step(edit["step"])
    hit = end["type"] == "step.succeeded" and end["cached"]
    assert hit == (edit.get("run", edit["expect"]) == "hit"), (
        f"{edit['why']}; the program says: {end.get('cache')} {end.get('error', '')}\n{done.err}"
    )


RESUMED = """
    import helper
    from stoker import pipeline, step

    @step
    def first(number: int) -> int:
        return helper.change(number)

    @step
    def second(number: int) -> int:
        return helper.change(number)

    @pipeline
    def resumed(number: int = 1) -> int:
        return second(first(number))
"""
FAILS = "def change(number):\n    return number.nothing\n"


def values(stoker: Stoker) -> dict[str, object]:
    shown = json.loads(stoker("runs", "show", "--json").out)
    return {row["step"]: row["outputs"]["output"]["value"] for row in shown["steps"]}


@pytest.mark.parametrize("more", [(), ("--isolated",)])
def test_what_a_resume_ran_is_known_by_the_code_that_it_ran(stoker: Stoker, more: tuple[str, ...]) -> None:
    def helper(text: str) -> None:
        (stoker.folder / "helper.py").write_text(text)

    stoker.write("resumed.py", RESUMED)
    helper(FAILS)
    assert stoker.run("resumed.py", *more).code == 1
    helper("def change(number):\n    return number + 1000\n")
    assert stoker("runs", "resume", *more).code == 0
    assert values(stoker) == {"first": 1001, "second": 2001}
    # The same code again: what the resume ran serves it. The code before: it fails as it did.
    again = stoker.run("resumed.py")
    assert again.code == 0 and again.step("first")["cached"] and again.step("second")["cached"]
    helper(FAILS)
    assert stoker.run("resumed.py").code == 1


def test_a_resume_whose_file_is_gone_or_broken_says_so(stoker: Stoker) -> None:
    stoker.write("resumed.py", RESUMED)
    (stoker.folder / "helper.py").write_text(FAILS)
    assert stoker.run("resumed.py").code == 1
    (stoker.folder / "helper.py").write_text("def change(\n")
    broken = stoker("runs", "resume")
    assert broken.code == 2 and "SyntaxError" in broken.err and "helper.py" in broken.err
    (stoker.folder / "resumed.py").unlink()
    gone = stoker("runs", "resume")
    assert gone.code == 2 and "there is no file" in gone.err


def test_a_resume_says_when_the_pipeline_has_other_steps(stoker: Stoker) -> None:
    stoker.write("resumed.py", RESUMED)
    (stoker.folder / "helper.py").write_text(FAILS)
    assert stoker.run("resumed.py").code == 1
    (stoker.folder / "helper.py").write_text("def change(number):\n    return number\n")
    stoker.write("resumed.py", RESUMED.replace("second(first(number))", "second(second(first(number)))"))
    resumed = stoker("runs", "resume")
    assert resumed.code == 0 and "the pipeline has other steps now" in resumed.err


def test_a_resume_from_another_folder_imports_the_file_where_the_run_did(
    stoker: Stoker, tmp_path: pathlib.Path
) -> None:
    reads = "import helper\n    SETTINGS = open('settings').read()"
    stoker.write("resumed.py", RESUMED.replace("import helper", reads))
    stoker.write("settings", "x")
    (stoker.folder / "helper.py").write_text(FAILS)
    assert stoker.run("resumed.py").code == 1
    (stoker.folder / "helper.py").write_text("def change(number):\n    return number + 1\n")
    elsewhere = dataclasses.replace(
        stoker, folder=tmp_path, environment={**stoker.environment, "STOKER_STORE": str(stoker.folder / ".stoker")}
    )
    resumed = elsewhere("runs", "resume")
    assert resumed.code == 0, resumed.err
