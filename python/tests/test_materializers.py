"""Each type: saved here, loaded and compared by another process; previews, manifests, trust, damage, declarations."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from typing import Annotated, Any, Dict, List, NamedTuple, Optional, TypedDict, Union

import jsonschema
import materializer_cases as cases
import pytest

from stoker import Directory, File, _artifacts, materializers
from stoker._json_values import NotEncodable
from stoker.materializers import Html, Markdown, Materializer, NoMaterializer, for_annotation

ROOT = pathlib.Path(__file__).resolve().parents[2]
ORIGIN = _artifacts.Origin(run="r1", pipeline="p", step="s", attempt=1, project="mine")
MANIFEST_SCHEMA = json.loads((ROOT / "api/artifact-manifest.schema.json").read_text())


def elsewhere(folder: pathlib.Path, kind: str) -> Dict[str, str]:
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'python'}:{ROOT / 'python/tests'}"}
    done = subprocess.run(
        [sys.executable, cases.__file__, str(folder), kind],
        env=env,
        stdout=subprocess.PIPE,
        cwd=folder,
        check=True,
        timeout=300,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Dict[str, Any]]:
    """Every plain case, saved here and judged by another process: case -> manifest and outcome."""
    folder = tmp_path_factory.mktemp("plain artifacts [x] #1")
    found = {}
    for name, (value, _) in cases.plain_cases().items():
        _artifacts.save(value, folder / name, name, ORIGIN)
        manifest = _artifacts.read_manifest(folder / name)
        jsonschema.validate(manifest, MANIFEST_SCHEMA)
        found[name] = {"manifest": manifest, "folder": folder / name}
    for name, outcome in elsewhere(folder, "plain").items():
        found[name]["outcome"] = outcome
    return found


@pytest.mark.parametrize("name", sorted(cases.plain_cases()))
def test_round_trip_in_another_process(plain: Dict[str, Dict[str, Any]], name: str) -> None:
    assert plain[name]["outcome"] == "ok"
    manifest = plain[name]["manifest"]
    assert "preview" in manifest or name in ("thing",)
    assert len(json.dumps(manifest.get("preview"))) < 40_000
    _artifacts.Artifact(plain[name]["folder"]).verify()


PICKLED = {"np_objects", "np_masked", "sk_fitted", "sk_unfitted", "pd_equal_columns", "pd_mixed", "pd_nested"}


def test_what_needs_pickle_says_so(plain: Dict[str, Dict[str, Any]]) -> None:
    pickled = {name for name, found in plain.items() if found["manifest"].get("pickle")}
    assert pickled >= PICKLED
    assert pickled - PICKLED <= {"pd_multi_columns", "pd_no_columns", "pd_period", "pd_series_zero"}


@pytest.mark.parametrize("project", [None, "theirs"])
def test_a_pickle_of_another_project_needs_trust(plain: Dict[str, Dict[str, Any]], project: Optional[str]) -> None:
    folder = plain["sk_fitted"]["folder"]
    with pytest.raises(_artifacts.ArtifactError, match="trust=True"):
        _artifacts.load(folder, project=project)
    assert _artifacts.load(folder, project="mine") is not None
    assert _artifacts.load(folder, trust=True, project=project) is not None
    assert _artifacts.Artifact(folder, project="mine").load() is not None


def test_identity_is_the_content(tmp_path: pathlib.Path) -> None:
    def identity(value: Any, name: str) -> str:
        return str(_artifacts.save(value, tmp_path / name, "output", ORIGIN).artifact["identity"])

    assert identity({"a": 1, "b": 2}, "a") == identity({"b": 2, "a": 1}, "b")
    different = [1, 1.0, True, "1", b"1", [1], (1,), {"a": 1}, None, {1}, float("nan")]
    assert len({identity(value, f"v{index}") for index, value in enumerate(different)}) == len(different)
    assert identity(b"x" * 100_000, "c") == identity(b"x" * 100_000, "d")


def test_plain_forms(tmp_path: pathlib.Path) -> None:
    def output(value: Any) -> Any:
        saved = _artifacts.save(value, tmp_path / "o", "output", ORIGIN)
        return saved.value if saved.has_value else "no value"

    assert output((1, (2, "a"))) == [1, [2, "a"]]
    assert output(cases.Point(1, (2.0,))) == {"x": 1, "y": [2.0]}
    assert output(cases.Settings("n", [1.0], cases.Point(2)))["colour"] == "red"
    assert output({"a": {"$x": 1}}) == {"a": {"$value": {"$x": 1}}}
    for value in (float("nan"), 2**70, {1: 2}, {1, 2}, b"x", [b"x"], "x" * 70_000, "\udc80"):
        assert output(value) == "no value"


def test_values_that_cannot_be_kept_say_where() -> None:
    with pytest.raises(NotEncodable, match=r"\['a'\]\[1\] is a builtins.object"):
        materializers.JsonValue().save({"a": [1, object()]}, pathlib.Path("/nonexistent"))
    loop: List[Any] = []
    loop.append(loop)
    with pytest.raises(NotEncodable, match="contains itself"):
        materializers.JsonValue().save(loop, pathlib.Path("/nonexistent"))


class Parts(NamedTuple):
    a: int
    b: Optional[str] = None


class Options(TypedDict):
    a: int


@dataclasses.dataclass
class Tree:
    value: int
    children: List[Tree]
    named: Optional[Dict[str, Tree]] = None


@dataclasses.dataclass
class Bad:
    inner: List[Bad]
    unknown: Unknown


class Unknown:
    pass


class UnknownMaterializer(Materializer):
    type = "unknown"


class MyList(list):  # type: ignore[type-arg]
    pass


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (int, "json"), (float, "json"), (None, "json"), (str, "text"), (bytes, "bytes"), (Optional[int], "json"), (List[int], "json"),
        (Dict[str, List[float]], "json"), (Union[int, str], "json | text"), (Parts, "json"), (Options, "json"), (cases.Settings, "json"),
        (cases.Colour, "json"), (Tree, "json"), (Any, "any"), (File, "file"), (Directory, "directory"), (pathlib.Path, "path"), (Html, "html"),
        (Markdown, "markdown"), (cases.Thing, "thing"), (Annotated[int, "note"], "json"), (Annotated[Unknown, UnknownMaterializer], "unknown"),
    ],
)  # fmt: skip
def test_declared_types(annotation: Any, kind: str) -> None:
    assert for_annotation(annotation).type == kind


@pytest.mark.parametrize(
    "annotation", [Unknown, Bad, MyList, List[Unknown], Dict[str, Unknown], Optional[Unknown], type, "text"]
)
def test_types_that_nothing_fits_are_refused(annotation: Any) -> None:
    with pytest.raises(NoMaterializer):
        for_annotation(annotation)


def test_how_to_add_one() -> None:
    with pytest.raises(NoMaterializer, match=r"subclass stoker\.materializers\.Materializer.*register"):
        for_annotation(Unknown)


def test_libraries_are_matched_without_importing_them() -> None:
    code = (
        "import sys, types\n"
        "from stoker.materializers import for_annotation\n"
        "for module, name in (('pyspark.sql.dataframe', 'DataFrame'), ('pyspark.ml.base', 'Model'), ('pandas', 'DataFrame'),\n"
        "                     ('pandas.core.frame', 'DataFrame'), ('sklearn.base', 'BaseEstimator'), ('matplotlib.figure', 'Figure'),\n"
        "                     ('numpy', 'ndarray')):\n"
        "    bases = (type('Transformer', (), {'__module__': 'pyspark.ml.base'}),) if name == 'Model' else ()\n"
        "    print(for_annotation(type(name, bases, {'__module__': module})).type)\n"
        "print(sorted({'pyspark', 'pandas', 'numpy', 'sklearn', 'matplotlib', 'pyarrow'} & set(sys.modules)))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.split("\n") == [
        "spark.DataFrame",
        "mllib",
        "pandas",
        "pandas",
        "sklearn",
        "figure",
        "numpy",
        "[]",
        "",
    ]


def test_registering(tmp_path: pathlib.Path) -> None:
    from stoker.materializers import _registry

    try:
        materializers.register(UnknownMaterializer, Unknown)
        assert for_annotation(Unknown).materializer == f"{__name__}:UnknownMaterializer"
        with pytest.raises(NotImplementedError, match="how to save"):
            _artifacts.save(Unknown(), tmp_path / "x", "x", ORIGIN)
        assert not (tmp_path / "x" / "manifest.json").exists()
    finally:
        _registry._REGISTERED.pop(Unknown, None)
    with pytest.raises(TypeError, match="names no types"):
        materializers.register(UnknownMaterializer)


def test_damage_is_named(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "a"

    def fresh() -> None:
        _artifacts.save(b"x" * 1000, folder, "output", ORIGIN)

    fresh()
    (folder / "data").write_bytes(b"y" * 1000)
    with pytest.raises(_artifacts.ArtifactError, match="content of data has changed"):
        _artifacts.Artifact(folder).verify()
    with pytest.raises(_artifacts.ArtifactError, match="content of data has changed"):
        _artifacts.load(folder)
    os.truncate(folder / "data", 1)
    with pytest.raises(_artifacts.ArtifactError, match="data has 1 bytes, its manifest says 1000"):
        _artifacts.load(folder)
    (folder / "data").unlink()
    with pytest.raises(_artifacts.ArtifactError, match="data is missing"):
        _artifacts.load(folder)
    for content, words in (
        ("{", "damaged"),
        ("[]", "no manifest"),
        ('{"version": 2}', "newer Stoker"),
        ('{"version": 1}', "has no class"),
    ):
        fresh()
        (folder / "manifest.json").write_text(content)
        with pytest.raises(_artifacts.ArtifactError, match=words):
            _artifacts.load(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(_artifacts.ArtifactError, match="no artifact"):
        _artifacts.load(folder)


@pytest.mark.parametrize("reference", ["os:system", "no.such:Module", "stoker.materializers:Saved", "json"])
def test_a_manifest_cannot_name_anything_to_run(tmp_path: pathlib.Path, reference: str) -> None:
    _artifacts.save(1, tmp_path / "a", "output", ORIGIN)
    path = tmp_path / "a" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "class": reference}))
    with pytest.raises(NoMaterializer):
        _artifacts.load(tmp_path / "a")


@pytest.mark.parametrize(
    "value",
    [
        {"$object": "subprocess:Popen", "fields": {"args": "true"}},
        {"$enum": "os:environ", "name": "PATH"},
        {"$what": 1},
    ],
)
def test_a_value_cannot_name_anything_to_run(tmp_path: pathlib.Path, value: Any) -> None:
    _artifacts.save(1, tmp_path / "a", "output", ORIGIN)
    path = tmp_path / "a" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "value": value}))
    with pytest.raises(ValueError):
        _artifacts.load(tmp_path / "a")


def test_pandas_without_pyarrow_is_a_pickle_that_says_so(tmp_path: pathlib.Path) -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "import pandas; from stoker import _artifacts\n"
        "frame = pandas.DataFrame({'a': [1, 2]}); folder = sys.argv[1]\n"
        "_artifacts.save(frame, folder, 'output', _artifacts.Origin())\n"
        "assert _artifacts.read_manifest(folder)['pickle'] is True\n"
        "assert _artifacts.load(folder, trust=True).equals(frame)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], env=env, check=True)


def test_file_outputs_that_are_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        _artifacts.save(File(tmp_path / "gone"), tmp_path / "a", "output", ORIGIN)
    with pytest.raises(IsADirectoryError, match=r"stoker\.Directory"):
        _artifacts.save(File(tmp_path), tmp_path / "b", "output", ORIGIN)


def test_a_dead_attempts_rubbish_is_replaced(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a" / "data").mkdir(parents=True)
    (tmp_path / "a" / "data" / "half").write_text("x")
    _artifacts.save(b"new", tmp_path / "a", "output", ORIGIN)
    assert _artifacts.load(tmp_path / "a") == b"new"
