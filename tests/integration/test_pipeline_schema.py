"""api/pipeline.schema.json is a JSON schema that others can use: another validator, on our cases, never contradicts ours."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any, ClassVar

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ROOT / "tests/data/documents"
SCHEMA = json.loads((ROOT / "api/pipeline.schema.json").read_text())


class CoreLoader(yaml.SafeLoader):
    """PyYAML reads YAML 1.1, where `on` is true; our documents are YAML 1.2."""

    yaml_implicit_resolvers: ClassVar[Any] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


CoreLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def verdict(case: pathlib.Path) -> str:
    """What our validator says, as the C++ test has it."""
    if case.suffix == ".json":
        return case.with_name(case.name + ".expected").read_text()
    return "".join(line[3:] for line in case.read_text().splitlines(keepends=True) if line.startswith("#! "))


def document(case: pathlib.Path) -> Any:
    # Dates are texts to us.
    return json.loads(json.dumps(yaml.load(case.read_text(), Loader=CoreLoader), default=str))


def test_the_schema_is_valid_itself() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", sorted([*CASES.glob("*.yaml"), *CASES.glob("*.json")]), ids=lambda case: case.name)
def test_another_validator_agrees(case: pathlib.Path) -> None:
    ours = verdict(case)
    if case.stem == "bomb":  # only ours bounds what aliases expand to
        assert "expand" in ours
        return
    try:
        errors = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(document(case)))
    except (yaml.YAMLError, json.JSONDecodeError):
        assert "invalid" in ours or "second document" in ours or "tag" in ours, "only ours took it"
        return
    if ours == "valid\n":
        assert not errors
    if errors:
        assert ours != "valid\n"


def test_the_golden_is_valid_and_has_every_key() -> None:
    golden = document(CASES / "golden/v1beta1.yaml")
    jsonschema.Draft202012Validator(SCHEMA).validate(golden)
    used: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            used.update(value)
            for inner in value.values():
                collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    collect(golden)
    keys = {key for part in [SCHEMA, *SCHEMA["$defs"].values()] for key in part.get("properties", {})}
    assert keys - used == set()
