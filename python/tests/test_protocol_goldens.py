"""Each released version of the protocol's documents is still accepted: by the schemas and by the worker's readers."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import jsonschema
import pytest

from stoker import _artifacts

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "tests/data/protocol"
SCHEMAS = {"invocation": "step-invocation", "result": "step-result"}


def schema(name: str) -> Any:
    return json.loads((ROOT / "api" / f"{name}.schema.json").read_text())


@pytest.mark.parametrize("path", sorted(GOLDENS.glob("*.json")), ids=lambda path: path.stem)
def test_documents(path: pathlib.Path) -> None:
    jsonschema.validate(json.loads(path.read_text()), schema(SCHEMAS[path.stem.partition("-")[0]]))


EXPECTED: dict[str, Any] = {
    "manifest-1-value": {"pair": (1, 2.5), "blob": b"\x00\x01", "wide": 2**70},
    "manifest-1-text": "x" * 70_000,
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_artifacts(name: str) -> None:
    jsonschema.validate(json.loads((GOLDENS / name / "manifest.json").read_text()), schema("artifact-manifest"))
    assert _artifacts.load(GOLDENS / name) == EXPECTED[name]
    _artifacts.Artifact(GOLDENS / name).verify()


@pytest.mark.parametrize(
    ("schema_name", "change"),
    [
        ("step-result", {"state": "maybe"}),
        ("step-result", {"surprise": 1}),
        ("step-invocation", {"attempt": 0}),
        ("step-invocation", {"inputs": {"x": {"$artifact": {}}}}),
    ],
)
def test_schemas_refuse(schema_name: str, change: dict[str, Any]) -> None:
    name = "invocation-1" if schema_name == "step-invocation" else "result-1-succeeded"
    document = json.loads((GOLDENS / f"{name}.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, **change}, schema(schema_name))
