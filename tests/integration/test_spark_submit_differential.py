"""Random command lines, given to the real spark-submit of the installed pyspark and to our program: the same objects and uploads, or both
refuse. `make nightly` tries hundreds of others.

    STOKER_DIFFERENTIAL_CASES=300 STOKER_DIFFERENTIAL_SEED=20261130000 pytest tests/integration/test_spark_submit_differential.py

Without a seed the cases are the same in every run. A case that differs prints what it was. tests/differential has what draws and compares.
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any, Iterator

import pytest
import yaml
from conftest import PROGRAM, ROOT
from differential import pod_groups
from differential.comparison import differences, leaves
from differential.random_case import ENOUGH_CASES, random_case
from differential.submitters import Machine, Object, Submitted, spark_home
from fakes.recording_api_server import RecordingServer

SEED = int(os.environ.get("STOKER_DIFFERENTIAL_SEED", "1"))
CASES = int(os.environ.get("STOKER_DIFFERENTIAL_CASES", str(ENOUGH_CASES)))
ON_PURPOSE = yaml.safe_load((ROOT / "tests/data/spark/differences.yaml").read_text())


@pytest.fixture(scope="module")
def home() -> pathlib.Path:
    found = spark_home()
    if found is None:
        pytest.skip("pyspark is not installed")
    return found


def submit(case: Object, home: pathlib.Path, work: pathlib.Path) -> tuple[Submitted, Submitted]:
    """By both, with the same words, variables and files."""
    with RecordingServer() as server:
        machine = Machine(case, home, work, server.port)
        ours = machine.ours(PROGRAM)
        words = machine.argv
        if pod_groups.are_wanted(words) and not pod_groups.are_known(home):
            words = pod_groups.words_without(words)
            ours = ours if ours.refused else pod_groups.checked_and_taken_out(case, ours)
        return machine.real(server, words), ours


def is_on_purpose(theirs: Submitted, ours: Submitted) -> bool:
    """Whether differences.yaml has that one of the two refuses, in these words."""
    how, words = ("refuses", ours.said) if ours.refused else ("accepts", theirs.said)
    return any(row["ours"] == how and "says" in row and row["says"] in words for row in ON_PURPOSE)


def what_differs(theirs: Submitted, ours: Submitted) -> list[str]:
    if theirs.refused and ours.refused:
        return []
    if theirs.refused or ours.refused:
        who = "spark-submit" if theirs.refused else "stoker"
        return [] if is_on_purpose(theirs, ours) else [f"only {who} refuses it"]
    found = differences(theirs.objects, ours.objects)
    if theirs.uploads != ours.uploads:
        found.append(f"uploads: spark-submit {sorted(theirs.uploads)} | stoker {sorted(ours.uploads)}")
    return found


@pytest.mark.parametrize("number", range(SEED, SEED + CASES), ids=lambda number: f"seed-{number}")
def test_a_random_command_line_comes_to_the_same(number: int, home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    case = random_case(number)
    theirs, ours = submit(case, home, tmp_path)
    found = what_differs(theirs, ours)
    if found:
        told = [f"spark-submit ({theirs.code}): {theirs.said[-1500:]}", f"stoker ({ours.code}): {ours.said}"]
        pytest.fail("\n".join([*found, json.dumps(case, ensure_ascii=False), *told]), pytrace=False)


# --- the comparison itself


def changed_places(value: Any) -> Iterator[Any]:
    """The value with each of its leaves changed in turn, or missing."""
    parts = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else [])
    if not parts:
        yield value + "!" if isinstance(value, str) else not value if isinstance(value, bool) else [value, 1]
    for key, part in parts:
        for changed in changed_places(part):
            copy = value.copy()
            copy[key] = changed
            yield copy
        if isinstance(value, dict) and key not in ("kind", "metadata", "name"):
            yield {each: other for each, other in value.items() if each != key}


@pytest.mark.parametrize("number", range(1, 5))
def test_only_what_is_drawn_anew_does_not_count(number: int, home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    machine = Machine(random_case(number), home, tmp_path, 1)
    one, other = machine.ours(PROGRAM), machine.ours(PROGRAM)
    assert one.objects != other.objects and differences(one.objects, other.objects) == []
    for at, document in enumerate(one.objects):
        for changed in changed_places(document):
            objects = [*one.objects[:at], changed, *one.objects[at + 1 :]]
            missed = set(map(str, leaves(document))) ^ set(map(str, leaves(changed)))
            assert differences(one.objects, objects) != [], missed
