"""Helpers of the SDK's tests: write a project, compile it as the program does."""

import importlib
import itertools
import json
import pathlib
import sys
import textwrap
from typing import Any, Dict, Iterator

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
_numbers = itertools.count()


def write_project(folder: pathlib.Path, files: Dict[str, str]) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").touch()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return folder


class Loaded:
    """A project imported into this process; `close` forgets its modules."""

    def __init__(self, folder: pathlib.Path, file: str = "pipeline.py") -> None:
        from stoker import _project

        self.folder = folder
        self.file = folder / file
        self._before = dict(sys.modules)
        self._path = list(sys.path)
        importlib.invalidate_caches()
        self.module = _project.import_file(str(self.file), str(folder))

    def compile(self, name: str = "main", code: bool = False) -> Dict[str, Any]:
        from stoker._compile import Target, compile_pipeline

        return compile_pipeline(getattr(self.module, name), Target.of_file(str(self.file)), code)

    def close(self) -> None:
        for name in set(sys.modules) - set(self._before):
            if getattr(sys.modules[name], "__file__", None) and str(self.folder) in str(sys.modules[name].__file__):
                del sys.modules[name]
        sys.path[:] = self._path


def loaded(folder: pathlib.Path, source: str, **files: str) -> Loaded:
    # A folder of its own per project: the import system and linecache remember paths.
    folder = folder / f"project{next(_numbers)}"
    write_project(folder, {"pipeline.py": source, **{f"{name}.py": text for name, text in files.items()}})
    return Loaded(folder)


def compiled(folder: pathlib.Path, source: str, name: str = "main", code: bool = False, **files: str) -> Dict[str, Any]:
    project = loaded(folder, source, **files)
    try:
        document = project.compile(name, code)
    finally:
        project.close()
    if not code:
        for step in every_step(document):
            step.get("python", {}).pop("code", None)
    validate(document)
    return document


def validate(document: Dict[str, Any]) -> None:
    """Against the schema of the pipeline document."""
    import jsonschema

    schema = json.loads((REPOSITORY / "api" / "pipeline.schema.json").read_text())
    jsonschema.validate(json.loads(json.dumps(document)), schema)


def every_step(document: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    yield from document.get("steps", [])
    yield from document.get("finally", [])
    for sub in document.get("pipelines", {}).values():
        yield from every_step(sub)


def step_named(document: Dict[str, Any], name: str) -> Dict[str, Any]:
    return next(step for step in every_step(document) if step["name"] == name)


# Steps that tests of authoring call.
PRELUDE = """
from __future__ import annotations
from enum import Enum
from typing import Any, Dict, List, Literal, NamedTuple, Optional
from stoker import *

class Parts(NamedTuple):
    train: List[int]
    test: List[int]

class Colour(Enum):
    RED = "red"
    BLUE = "blue"

@step
def numbers(count: int = 3) -> List[int]: return list(range(count))
@step
def split(data: List[int], seed: int = 7) -> Parts: return Parts(data, data)
@step
def train(data: List[int], trees: int, rate: float = 0.1) -> float: return 0.5
@step
def evaluate(model: float) -> float: return model
@step
def info() -> Dict[str, Any]: return {}
@step
def publish(score: float) -> None: pass
@step
def note(text: str) -> str: return text
@step
def pick(scores: List[float]) -> float: return max(scores)
"""


def document(tmp_path: pathlib.Path, body: str, signature: str = "", prelude: str = PRELUDE) -> Dict[str, Any]:
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return compiled(tmp_path, f"{prelude}\n@pipeline\ndef main({signature}):\n{lines}\n")
