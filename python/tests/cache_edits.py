"""Reading and applying tests/data/cache-edits.yaml. The run of the whole table through the program uses this too."""

import pathlib
import shutil
from typing import Any, Dict, List

import yaml

TABLE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "cache-edits.yaml"

LIBRARY = """import os

def value():
    return 1

def mode():
    return os.environ.get("FAKELIB_MODE", "")
"""


def read_table() -> Dict[str, Any]:
    table: Dict[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return table


def write_files(folder: pathlib.Path, files: Dict[str, str]) -> None:
    """A content that begins with `-> ` is where a link points."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content.startswith("-> "):
            path.unlink(missing_ok=True)
            path.symlink_to(content[len("-> ") :])
        else:
            path.write_text(content, encoding="utf-8")


def install(site: pathlib.Path, distributions: Dict[str, str]) -> None:
    """A version of each fake library in `site`, which is a folder named site-packages."""
    site.mkdir(parents=True, exist_ok=True)
    for name, version in distributions.items():
        for old in site.glob(f"{name}-*.dist-info"):
            shutil.rmtree(old)
        (site / f"{name}-{version}.dist-info").mkdir()
        (site / f"{name}.py").write_text(LIBRARY, encoding="utf-8")


def change_files(folder: pathlib.Path, changes: List[Dict[str, Any]]) -> None:
    """The changes of one edit that concern files of the project."""
    for change in changes:
        if "append" in change:
            path = folder / change["append"]
            path.write_text(path.read_text(encoding="utf-8") + change["content"], encoding="utf-8")
        elif "touch" in change:
            (folder / change["touch"]).touch()
        elif "delete" in change:
            (folder / change["delete"]).unlink()
        elif "rename" in change:
            target = folder / change["to"]
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder / change["rename"]).rename(target)
        elif "replace" in change:
            path = folder / change["file"]
            text = path.read_text(encoding="utf-8")
            assert change["replace"] in text, f"{change['file']} has no {change['replace']!r}"
            path.write_text(text.replace(change["replace"], change["with"]), encoding="utf-8")
        elif "file" in change:
            write_files(folder, {change["file"]: change["content"]})


def setting(changes: List[Dict[str, Any]], name: str) -> Dict[str, Any]:
    """What the changes say of `environment`, `distribution` or `parameters`."""
    found: Dict[str, Any] = {}
    for change in changes:
        found.update(change.get(name, {}))
    return found
