"""Spark frames and MLlib objects: round trips in another process, no job to load, previews, what a step may do to its frames.

One session for all. STOKER_TEST_ALL=1 runs every MLWritable class; without it a few stand for their kinds.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any, Dict, Iterator

import jsonschema
import materializer_cases as cases
import mllib_cases
import pytest

from stoker import _artifacts, _parquet_footer, _spark

pytest.importorskip("pyspark")
ROOT = pathlib.Path(__file__).resolve().parents[2]
ORIGIN = _artifacts.Origin(run="r1", pipeline="p", step="s", attempt=1, project="mine", identity="key-7")
MANIFEST_SCHEMA = json.loads((ROOT / "api/artifact-manifest.schema.json").read_text())
ALL = os.environ.get("STOKER_TEST_ALL") == "1"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    _spark.configure({"master": "local[2]", "conf": cases.SPARK_CONF}, "test")
    made = _spark.session_for_step()
    made.sparkContext.setLogLevel("OFF")
    yield made
    made.stop()
    _spark.configure(None, "stoker")


def jobs(session: Any) -> int:
    return int(session.sparkContext._jsc.sc().statusStore().jobsList(None).size())


@pytest.fixture(scope="module")
def frames(session: Any, tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Dict[str, Any]]:
    """Every case, saved here, judged by another process with a session of its own."""
    folder = tmp_path_factory.mktemp("frames {a,b} [3] #2")
    found: Dict[str, Dict[str, Any]] = {}
    for name, frame in cases.spark_cases(session).items():
        output = _artifacts.save(frame, folder / name, name, ORIGIN)
        manifest = _artifacts.read_manifest(folder / name)
        jsonschema.validate(manifest, MANIFEST_SCHEMA)
        assert output.artifact["identity"] == f"key-7/{name}"
        found[name] = {"manifest": manifest, "folder": folder / name, "frame": frame}
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'python'}:{ROOT / 'python/tests'}"}
    done = subprocess.run(
        [sys.executable, cases.__file__, str(folder), "spark"], env=env, stdout=subprocess.PIPE, check=True, timeout=300
    )
    for name, outcome in json.loads(done.stdout).items():
        found[name]["outcome"] = outcome
    return found


FRAMES = (
    "everything", "empty", "no_partitions", "ml_metadata", "equal_names", "case", "only_void", "void_typed", "wide", "partitioned",
)  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_frames_come_back_in_another_process(frames: Dict[str, Dict[str, Any]], name: str) -> None:
    assert set(frames) == set(FRAMES)
    assert frames[name]["outcome"] == "ok"


def test_rows_and_preview_need_no_job(session: Any, tmp_path: pathlib.Path) -> None:
    frame = session.range(1000).repartition(4)
    before = jobs(session)
    frame.write.parquet(str(tmp_path / "plain"))
    plain = jobs(session) - before
    before = jobs(session)
    _artifacts.save(frame, tmp_path / "a", "output", ORIGIN)
    assert jobs(session) - before == plain
    manifest = _artifacts.read_manifest(tmp_path / "a")
    assert manifest["rows"] == 1000
    assert manifest["bytes"] > 1000
    assert len(manifest["preview"]["rows"]) == 5 and manifest["preview"]["columns"] == ["id"]
    before = jobs(session)
    loaded = _artifacts.load(tmp_path / "a")
    assert loaded.schema is not None
    assert jobs(session) == before
    assert loaded.count() == 1000


def test_previews_are_for_people(frames: Dict[str, Dict[str, Any]]) -> None:
    preview = frames["everything"]["manifest"]["preview"]
    row = dict(zip(preview["columns"], preview["rows"][0]))
    assert (
        row["i"] == 1
        and row["dotted.name with space"] == "a\0b"
        and row["v"] == "(3,[1],[2.5])"
        and row["void"] is None
    )
    wide = frames["wide"]["manifest"]["preview"]
    assert len(wide["columns"]) == 40 and wide["more_columns"] == 160
    assert frames["empty"]["manifest"]["preview"]["rows"] == []
    assert frames["empty"]["manifest"]["rows"] == 0


def test_a_step_may_return_the_frame_that_it_got(session: Any, tmp_path: pathlib.Path) -> None:
    _artifacts.save(session.range(10), tmp_path / "a", "output", ORIGIN)
    loaded = _artifacts.load(tmp_path / "a")
    _artifacts.save(loaded, tmp_path / "b", "output", ORIGIN)
    _artifacts.save(_artifacts.load(tmp_path / "b").union(loaded), tmp_path / "c", "output", ORIGIN)
    assert _artifacts.load(tmp_path / "c").count() == 20
    assert _artifacts.load(tmp_path / "a").count() == 10


def test_settings_of_the_session_are_as_before(session: Any, tmp_path: pathlib.Path) -> None:
    from pyspark.sql import functions

    before = {row.key: row.value for row in session.sql("SET").collect()}
    _artifacts.save(session.range(1).withColumn("t", functions.current_timestamp()), tmp_path / "a", "output", ORIGIN)
    assert {row.key: row.value for row in session.sql("SET").collect()} == before


def test_a_damaged_frame_is_named(session: Any, tmp_path: pathlib.Path) -> None:
    _artifacts.save(session.range(10).coalesce(1), tmp_path / "a", "output", ORIGIN)
    part = next((tmp_path / "a" / "data").glob("part-*"))
    os.truncate(part, 20)
    with pytest.raises(_artifacts.ArtifactError, match=r"part-.*has 20 bytes"):
        _artifacts.load(tmp_path / "a")
    with pytest.raises(ValueError, match="no parquet file"):
        _parquet_footer.row_count(str(part))


def test_a_frame_without_columns_is_refused(session: Any, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="no columns"):
        _artifacts.save(session.range(3).select(), tmp_path / "a", "output", ORIGIN)


def test_footers_of_pyarrow(tmp_path: pathlib.Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": range(1000), "b": ["x"] * 1000, "c": [[1.5]] * 1000, "flag": [True] * 1000})
    frame.to_parquet(tmp_path / "x.parquet", row_group_size=100)
    assert _parquet_footer.row_count(str(tmp_path / "x.parquet")) == 1000


def test_reads_are_seen(session: Any, tmp_path: pathlib.Path) -> None:
    session.range(3).write.csv(str(tmp_path / "data.csv"))
    session.read.csv(str(tmp_path / "data.csv")).count()
    session.sql(f"SELECT * FROM parquet.`{_write(session, tmp_path / 'p')}`").collect()
    session.createDataFrame([(1,)], ["x"]).count()
    found = _spark.reads()
    assert f"file:{tmp_path}/data.csv" in found and f"file:{tmp_path}/p" in found
    assert not [read for read in found if "ExistingRDD" in read or "Local" in read]


def _write(session: Any, path: pathlib.Path) -> pathlib.Path:
    session.range(2).write.parquet(str(path))
    return path


# --- MLlib ------------------------------------------------------------------------------------------------------------------------


def test_every_mllib_class_is_known() -> None:
    """A new pyspark with a new class: give it a row in mllib_cases."""
    found = set(mllib_cases.writable_classes())
    assert found - set(mllib_cases.MAKERS) - set(mllib_cases.NOT_ROUND_TRIPPED) == set()


@pytest.mark.parametrize("name", sorted(mllib_cases.MAKERS) if ALL else mllib_cases.REPRESENTATIVES)
def test_mllib_classes_come_back(session: Any, tmp_path: pathlib.Path, name: str) -> None:
    if name not in mllib_cases.writable_classes():
        return  # not in this pyspark
    value = mllib_cases.make(session, name)
    _artifacts.save(value, tmp_path / "m [1]", "output", ORIGIN)
    manifest = _artifacts.read_manifest(tmp_path / "m [1]")
    jsonschema.validate(manifest, MANIFEST_SCHEMA)
    assert manifest["preview"]["class"].endswith(type(value).__name__)
    from pyspark.ml import Model

    loaded = _artifacts.load(tmp_path / "m [1]", expected=Model)
    assert type(loaded) is type(value)
    if name != "OneVsRestModel":
        assert loaded.uid == value.uid
    mllib_cases.compare(session, value, loaded)


def test_a_pipeline_with_a_custom_stage_loads_in_another_process(session: Any, tmp_path: pathlib.Path) -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import Binarizer

    stages = [
        mllib_cases.AddConstant(inputCol="x", outputCol="y", constant=2.5),
        Binarizer(inputCol="y", outputCol="z", threshold=3.0),
    ]
    data = session.createDataFrame([(1.0,), (0.0,)], "x double")
    model = Pipeline(stages=stages).fit(data)
    _artifacts.save(model, tmp_path / "model", "output", ORIGIN)
    code = (
        "import sys; from stoker import _artifacts, _spark\n"
        "_spark.configure({'master': 'local[1]'}, 'load')\n"
        "model = _artifacts.load(sys.argv[1])\n"
        "data = _spark.session_for_step().createDataFrame([(1.0,), (0.0,)], 'x double')\n"
        "print([row.z for row in model.transform(data).collect()], type(model.stages[0]).__name__)\n"
    )
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'python'}:{ROOT / 'python/tests'}"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model")], env=env, stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.split() == ["[1.0,", "0.0]", "AddConstant"]


def test_a_stage_that_cannot_be_written_says_what_to_do(session: Any, tmp_path: pathlib.Path) -> None:
    with pytest.raises(TypeError, match="DefaultParamsWritable"):
        _artifacts.save(mllib_cases.NotWritable(), tmp_path / "a", "output", ORIGIN)
