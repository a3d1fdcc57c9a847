"""Code digests: the static rows of tests/data/cache-edits.yaml, and what the parts say."""

import itertools
import pathlib
import sys
from typing import Any, Dict, Iterator

import pytest
from cache_edits import change_files, install, read_table, setting, write_files
from sdk_helpers import Loaded, compiled, step_named

from stoker import _environment, _project

TABLE = read_table()
STATIC = [edit for edit in TABLE["edits"] if edit["judge"] == "static"]
_numbers = itertools.count()


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A site-packages of our own on sys.path."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    sys.path.append(str(folder))
    _project._folders = None
    yield folder
    sys.path.remove(str(folder))
    for name in ("fakelib", "otherlib"):
        sys.modules.pop(name, None)
    _project._folders = None
    _environment._names.clear()
    _environment._tops.clear()


def codes(folder: pathlib.Path, pipeline: str) -> Dict[str, Any]:
    project = Loaded(folder)
    try:
        document = project.compile(pipeline, code=True)
    finally:
        project.close()
    return {step["name"]: step["python"]["code"] for step in document["steps"]}


@pytest.fixture(scope="module")
def before_codes(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Any]:
    return {}


@pytest.mark.parametrize("edit", STATIC, ids=[edit["name"].replace(" ", "-") for edit in STATIC])
def test_edit(
    edit: Dict[str, Any],
    tmp_path: pathlib.Path,
    site: pathlib.Path,
    before_codes: Dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = TABLE["projects"][edit["project"]]
    install(site, project["distributions"])
    if edit["project"] not in before_codes:
        write_files(tmp_path / "before", project["files"])
        before_codes[edit["project"]] = codes(tmp_path / "before", project["pipeline"])
    before = before_codes[edit["project"]][edit["step"]]

    # Another folder: where a project lies is no part of its code.
    after_folder = tmp_path / "elsewhere" / "after"
    write_files(after_folder, project["files"])
    change_files(after_folder, edit["change"])
    for name, value in setting(edit["change"], "environment").items():
        monkeypatch.setenv(name, value)
    install(site, setting(edit["change"], "distribution"))
    _environment._names.clear()
    after = codes(after_folder, project["pipeline"])[edit["step"]]

    changed = sorted(
        name for name in {*before["parts"], *after["parts"]} if before["parts"].get(name) != after["parts"].get(name)
    )
    outcome = "hit" if before["digest"] == after["digest"] else "miss"
    assert outcome == edit["expect"], f"{edit['why']}; parts that differ: {changed}"
    assert (outcome == "miss") == bool(changed or before["environment"] != after["environment"])


def test_the_table_is_what_was_promised() -> None:
    assert len(TABLE["edits"]) >= 60
    assert len({edit["name"] for edit in TABLE["edits"]}) == len(TABLE["edits"])
    assert {edit["expect"] for edit in TABLE["edits"]} == {"hit", "miss"}


BASE = "from stoker import pipeline, step\nimport helpers\n"
MAIN = "\n@pipeline\ndef main() -> None:\n    one(1)\n"


def code(tmp_path: pathlib.Path, source: str, **files: str) -> Dict[str, Any]:
    document = compiled(tmp_path, BASE + source + MAIN, code=True, **{"helpers": "", **files})
    found: Dict[str, Any] = step_named(document, "one")["python"]["code"]
    return found


def test_parts_have_names_that_explain_a_miss(tmp_path: pathlib.Path) -> None:
    found = code(
        tmp_path,
        "@step\ndef one(x: int) -> int:\n    return helpers.clean(x)\n",
        helpers="LIMIT = 3\nclass Rule:\n    pass\ndef clean(x):\n    return Rule(), LIMIT, x\n",
    )
    assert list(found["parts"]) == ["helpers.LIMIT", "helpers.Rule", "helpers.clean", "pipeline.one"]
    assert found["environment"]["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert "wide" not in found


def test_what_widened_is_said(tmp_path: pathlib.Path) -> None:
    found = code(tmp_path, "@step\ndef one(x: int) -> int:\n    return eval('x')\n")
    assert found["wide"] == ["pipeline.one uses eval: all project files"]
    found = code(tmp_path, "@step\ndef one(x: int) -> int:\n    return getattr(helpers, 'a')\n")
    assert found["wide"] == ["pipeline.one uses the module helpers as a value"]
    assert "helpers (module)" in found["parts"]


def test_a_value_that_cannot_be_compared_widens_to_its_module(tmp_path: pathlib.Path) -> None:
    source = (
        "import threading\nLOCK = threading.Lock()\n@step\ndef one(x: int) -> int:\n    with LOCK:\n        return x\n"
    )
    found = code(tmp_path, source)
    assert "pipeline (module)" in found["parts"]
    assert "pipeline.LOCK cannot be compared" in found["wide"][0]


def test_docstrings_count_where_something_may_read_them(tmp_path: pathlib.Path, site: pathlib.Path) -> None:
    (site / "fakelib.py").write_text(
        "def tool(function):\n    function.description = function.__doc__\n    return function\n"
    )
    source = (
        "import fakelib\n@step\ndef one(x: int) -> int:\n    return tooled(x)\n@fakelib.tool\n"
        "def tooled(x):\n    'DOC'\n    return x\n"
    )
    first = code(tmp_path, source)
    second = code(tmp_path, source.replace("DOC", "other"))
    assert first["digest"] != second["digest"]
    reading = "@step\ndef one(x: int) -> str:\n    return documented.__doc__\ndef documented():\n    'DOC'\n"
    assert code(tmp_path, reading)["digest"] != code(tmp_path, reading.replace("DOC", "other"))["digest"]


def test_classes_that_may_be_inside_an_input_count_for_its_reader(tmp_path: pathlib.Path) -> None:
    source = """
from typing import Any
from stoker.materializers import Materializer, register

class Stage:
    def predict(self): return {number}

class Box: pass
class BoxMaterializer(Materializer):
    type = "box"
    types = (Box,)
register(BoxMaterializer)

@step
def fit() -> Box:
    box = Box()
    box.stage = Stage()
    return box

@step
def use(box: Box) -> float:
    return box.stage.predict()

@step
def unrelated(x: int) -> int:
    return x

@pipeline
def both() -> None:
    use(fit())
    unrelated(1)
"""
    before, after = (
        compiled(tmp_path, BASE + source.format(number=number), "both", code=True, helpers="") for number in (1, 2)
    )
    for name, same in (("use", False), ("fit", False), ("unrelated", True)):
        digests = [step_named(document, name)["python"]["code"]["digest"] for document in (before, after)]
        assert (digests[0] == digests[1]) is same, name


@pytest.mark.parametrize(
    "source",
    [
        "CACHE = {}\n@step\ndef one(x: int) -> int:\n    CACHE[x] = 1\n    return x",
        "import logging\nlog = logging.getLogger(__name__)\n@step\ndef one(x: int) -> int:\n    log.info('x')\n    return x",
        "import re, decimal, datetime, pathlib\n"
        "A = [re.compile('a'), decimal.Decimal(1), datetime.date(2020, 1, 1), pathlib.Path('x')]\n"
        "@step\ndef one(x: int) -> list:\n    return A",
        "LOOP = []\nLOOP.append(LOOP)\n@step\ndef one(x: int) -> int:\n    return len(LOOP)",
        "SET = {'a', 'b', 'c', 'd'}\n@step\ndef one(x: int) -> int:\n    return len(SET)",
        "class A:\n    def __init__(self): self.x = 1\nOBJECT = A()\n@step\ndef one(x: int) -> int:\n    return OBJECT.x",
        "import dataclasses\n@dataclasses.dataclass\nclass D:\n    x: int = 1\nD1 = D()\n@step\n"
        "def one(x: int) -> int:\n    return D1.x",
        "@step\ndef one(x: int) -> int:\n    match = [y for y in range(x)]\n"
        "    return sum(lambda_(y) for y in match)\nlambda_ = lambda y: y",
        "from typing import NamedTuple\nclass N(NamedTuple):\n    a: int\n@step\ndef one(x: int) -> int:\n    return N(x).a",
        "import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def go(self): ...\n@step\n"
        "def one(x: int) -> bool:\n    return isinstance(x, A)",
        "from functools import cached_property, singledispatch\n@singledispatch\ndef show(x): return 1\n@show.register(int)\n"
        "def _(x): return 2\nclass C:\n    @cached_property\n    def v(self): return 1\n"
        "@step\ndef one(x: int) -> int:\n    return show(x) + C().v",
    ],
)
def test_digests_repeat_and_are_not_wide(tmp_path: pathlib.Path, source: str) -> None:
    first, second = code(tmp_path, source + "\n"), code(tmp_path, source + "\n")
    assert first == second
    assert "wide" not in first


def test_single_dispatch_reaches_its_implementations(tmp_path: pathlib.Path) -> None:
    source = (
        "from functools import singledispatch\n@singledispatch\ndef show(x): return 1\n@show.register(int)\n"
        "def _(x): return NUMBER\n"
        "@step\ndef one(x: int) -> int:\n    return show(x)\n"
    )
    assert (
        code(tmp_path, source.replace("NUMBER", "2"))["digest"]
        != code(tmp_path, source.replace("NUMBER", "3"))["digest"]
    )


def test_steps_and_stoker_itself_are_no_parts(tmp_path: pathlib.Path) -> None:
    found = code(
        tmp_path,
        "from stoker import Spark, context\nspark = Spark(conf={'a': 'b'})\n@step\ndef two(x: int) -> int:\n    return x\n"
        "@step(spark=spark)\ndef one(x: int) -> int:\n    context().log_metric('x', 1)\n    return two(x)\n",
    )
    assert list(found["parts"]) == ["pipeline.one", "pipeline.two"]
    assert "stoker" not in found["environment"]


def test_functions_without_source_count_by_byte_code(tmp_path: pathlib.Path) -> None:
    source = "exec('def made(x): return x + NUMBER')\n@step\ndef one(x: int) -> int:\n    return made(x)\n"
    first, second = code(tmp_path, source.replace("NUMBER", "1")), code(tmp_path, source.replace("NUMBER", "2"))
    assert first["digest"] != second["digest"]
