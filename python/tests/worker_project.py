"""A small project on disk whose functions the worker runs, for tests of the worker."""

from __future__ import annotations

import os
import pathlib
import sys
import textwrap
from typing import Any, Dict, List, Optional

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/protocol"))

from harness import Attempt, Worker, python_worker  # noqa: E402 - found in the folder above


class Project:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.root = folder / "my project"
        self.root.mkdir(parents=True)
        self.runs = 0
        self.environment: Dict[str, str] = {}

    def file(self, name: str, text: str) -> pathlib.Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def start(
        self,
        function: str,
        inputs: Optional[Dict[str, Any]] = None,
        outputs: Optional[List[str]] = None,
        *,
        file: str = "pipeline.py",
        worker: Optional[Worker] = None,
        **more: Any,
    ) -> Attempt:
        path = self.root / file
        entry = {"root": str(self.root), "file": str(path), "module": path.stem, "function": function}
        self.runs += 1
        before = {key: os.environ.get(key) for key in self.environment}
        os.environ.update(self.environment)
        try:
            return Attempt(
                worker or python_worker(),
                self.folder / "store" / str(self.runs),
                function,
                inputs or {},
                ["output"] if outputs is None else outputs,
                **{"entry": entry, "project": "tests", "store": str(self.folder / "store"), **more},
            )
        finally:
            for key, value in before.items():
                os.environ.pop(key) if value is None else os.environ.update({key: value})

    def run(
        self, function: str, inputs: Optional[Dict[str, Any]] = None, outputs: Optional[List[str]] = None, **more: Any
    ) -> Dict[str, Any]:
        attempt = self.start(function, inputs, outputs, **more)
        attempt.finish(120)
        result = attempt.result()
        result["log"] = attempt.text()
        return result

    def value(self, function: str, inputs: Optional[Dict[str, Any]] = None, **more: Any) -> Any:
        result = self.run(function, inputs, **more)
        assert result["state"] == "succeeded", result.get("error")
        return result["outputs"]["output"]["value"]

    def error(self, function: str, inputs: Optional[Dict[str, Any]] = None, **more: Any) -> Dict[str, Any]:
        result = self.run(function, inputs, **more)
        assert result["state"] == "failed"
        return {**result["error"], "log": result["log"]}
