"""The generated types of the document: they are Python that each version we serve can evaluate, and say what the schema says."""

import json
import pathlib
import typing
from typing import Any, Dict

import pytest

from stoker import _document_types

SCHEMA = json.loads((pathlib.Path(__file__).resolve().parents[2] / "api/pipeline.schema.json").read_text())
MAPPINGS = {
    "Pipeline": SCHEMA,
    **{name[0].upper() + name[1:]: each for name, each in SCHEMA["$defs"].items() if "properties" in each},
}


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_mapping_has_the_keys_of_the_schema(name: str) -> None:
    schema: Dict[str, Any] = MAPPINGS[name]
    made = getattr(_document_types, name)
    assert set(typing.get_type_hints(made)) == set(schema["properties"])
    assert made.__required_keys__ == set(schema.get("required", ()))
