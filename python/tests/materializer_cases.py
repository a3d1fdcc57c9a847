"""Values that must survive: each is made here, saved by a test, and loaded and compared by another process that runs this file.

python materializer_cases.py FOLDER plain|spark      prints one JSON object: case -> "ok" or what differs
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import importlib.util
import json
import math
import pathlib
import sys
import tempfile
import traceback
import uuid
import zoneinfo
from typing import Any, Callable, NamedTuple

from stoker import Directory, File
from stoker.materializers import Html, Image, Markdown, Materializer


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Point(NamedTuple):
    x: int
    y: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Settings:
    name: str
    rates: list[float]
    where: Point
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)
    colour: Colour = Colour.RED
    late: int = dataclasses.field(default=0, init=False)


class Thing:
    """A class that names its own materializer."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and other.text == self.text


class ThingMaterializer(Materializer):
    type = "thing"

    def save(self, value: Any, directory: pathlib.Path) -> None:
        (directory / "data").write_text(value.text)

    def load(self, directory: pathlib.Path, saved: Any) -> Any:
        return Thing((directory / "data").read_text())


Thing.__stoker_materializer__ = ThingMaterializer  # type: ignore[attr-defined]


def same(left: Any, right: Any) -> bool:
    """Equal, and of equal types all the way down; NaN equals NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (datetime.datetime, datetime.time)):
        return left == right and left.tzinfo == right.tzinfo and left.fold == right.fold
    return bool(left == right)


_DAY = datetime.datetime(2024, 10, 27, 2, 30, 0, 5)
PLAIN: dict[str, Any] = {
    "none": None,
    "true": True,
    "one": 1,
    "one_float": 1.0,
    "minus_zero": -0.0,
    "wide": 2**200,
    "too_wide_to_print": [10**5000],
    "minus_wide": -(2**63) - 1,
    "border": 2**63 - 1,
    "nan": math.nan,
    "infinities": [math.inf, -math.inf, 5e-324, 1.7976931348623157e308],
    "complex": complex(1, math.inf),
    "text": "ünï \U0001f600\n\0\x7f\u2028",
    "surrogate": "a\udcffb",
    "long_text": "é" * 80_000,
    "long_surrogate": "\udcff" * 80_000,
    "empty": "",
    "bytes": b"\0\xff" * 10,
    "bytearray": bytearray(b"abc"),
    "list": [1, "a", None, [2.5, []], {}],
    "tuple": (1, (2, [3, (4,)]), ()),
    "dict": {"b": 1, "a": {"$ref": (1,)}, "": [b"x"]},
    "int_keys": {1: "a", (2, "x"): None, None: 1.5},
    "sets": [{1, 2}, frozenset({"a"}), set()],
    "dates": [
        _DAY,
        datetime.date(1, 1, 1),
        datetime.time(23, 59, 59, 999999),
        datetime.time(1, tzinfo=datetime.timezone.utc, fold=1),
        datetime.timedelta(days=-1, microseconds=1),
    ],
    "zones": (
        _DAY.replace(tzinfo=datetime.timezone.utc),
        _DAY.replace(tzinfo=zoneinfo.ZoneInfo("Europe/Paris"), fold=1),
    ),
    "decimals": [decimal.Decimal("1.10"), decimal.Decimal("NaN") * 0 if False else decimal.Decimal("1E+30")],
    "uuid": uuid.UUID(int=7),
    "enums": [Colour.RED, Colour.BLUE, Level.LOW],
    "path_value": [pathlib.Path("/a/b"), pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a\\b")],
    "namedtuple": Point(1, (2.0,)),
    "dataclass": Settings("n", [1.0, 2.5], Point(3), {"k": (1,)}, Colour.BLUE),
    "long_list": list(range(40_000)),
    "thing": Thing("hello"),
    "html": Html("<h1>é</h1>\r\n"),
    "markdown": Markdown("# T\n"),
}


def numpy_cases() -> dict[str, tuple[Any, Callable[[Any, Any], bool]]]:
    import numpy as np

    def equal(a: Any, b: Any) -> bool:
        if type(a) is not type(b) or a.dtype != b.dtype or a.shape != b.shape:
            return False
        return bool(np.array_equal(np.ma.getdata(a), np.ma.getdata(b), equal_nan=a.dtype.kind in "fM")) and bool(
            np.array_equal(np.ma.getmaskarray(a), np.ma.getmaskarray(b))
        )

    values: dict[str, Any] = {
        "np_array": np.arange(12, dtype="int16").reshape(3, 4),
        "np_fortran": np.asfortranarray(np.ones((3, 2))),
        "np_nan": np.array([1.0, math.nan]),
        "np_empty": np.empty((0, 5), dtype="float32"),
        "np_zero_d": np.array(3),
        "np_dates": np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"),
        "np_struct": np.array([(1, "a")], dtype=[("x", "i4"), ("ü y", "U3")]),
        "np_text": np.array(["a", "ü"]),
        "np_float32": np.float32(1.1),
        "np_int64": np.int64(2**62),
        "np_bool": np.bool_(True),
        "np_date": np.datetime64("2020-01-01T00:00"),
        "np_objects": np.array([1, "a", None], dtype=object),
        "np_masked": np.ma.masked_array([1, 2], mask=[True, False]),
    }
    return {name: (value, equal) for name, value in values.items()}


def pandas_cases() -> dict[str, tuple[Any, Callable[[Any, Any], bool]]]:
    import numpy as np
    import pandas as pd

    def frames(a: Any, b: Any) -> bool:
        pd.testing.assert_frame_equal(a, b, check_exact=True, check_freq=False)
        return True

    def series(a: Any, b: Any) -> bool:
        pd.testing.assert_series_equal(a, b, check_exact=True, check_freq=False)
        return True

    zoned = pd.DatetimeIndex(["2020-01-01", None], tz="Europe/Paris")
    values: dict[str, Any] = {
        "pd_simple": pd.DataFrame({"a": [1, 2], "b.c d": [1.5, np.nan], "ü": ["x", None]}),
        "pd_nan_text": pd.DataFrame({"a": np.array(["x", np.nan], dtype=object)}),
        "pd_empty": pd.DataFrame({"a": pd.Series([], dtype="int32"), "t": pd.Series([], dtype="datetime64[ns, UTC]")}),
        "pd_no_columns": pd.DataFrame(index=[1, 2]),
        "pd_types": pd.DataFrame(
            {
                "cat": pd.Categorical(["a", "b"], categories=["b", "a", "c"], ordered=True),
                "zoned": zoned,
                "nullable": pd.array([1, None], dtype="Int64"),
                "flag": pd.array([True, None], dtype="boolean"),
                "delta": pd.to_timedelta([1, 2], unit="s"),
                "bytes": [b"\0", b""],
                "decimal": [decimal.Decimal("1.10"), decimal.Decimal("2.20")],
            }
        ),
        "pd_index": pd.DataFrame(
            {"v": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None])
        ),
        "pd_int_columns": pd.DataFrame([[1, 2], [3, 4]]),
        "pd_multi_columns": pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])),
        "pd_equal_columns": pd.DataFrame([[1, 2]], columns=["a", "a"]),
        "pd_mixed": pd.DataFrame({"m": [1, "a", (1, 2)]}),
        "pd_nested": pd.DataFrame({"m": [[1, 2], [3]]}),
        "pd_period": pd.DataFrame({"p": pd.period_range("2020-01", periods=2, freq="M")}),
        "pd_ancient": pd.DataFrame({"d": [datetime.date(1000, 1, 1), None]}),
    }
    found: dict[str, Any] = {name: (value, frames) for name, value in values.items()}
    found["pd_series"] = (pd.Series([1.5, None], name="s"), series)
    found["pd_series_unnamed"] = (pd.Series(["a", "b"], index=["x", "y"]), series)
    found["pd_series_zero"] = (pd.Series([1], name=0), series)
    return found


def sklearn_cases() -> dict[str, tuple[Any, Callable[[Any, Any], bool]]]:
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)

    def predicts(a: Any, b: Any) -> bool:
        return bool((a.predict_proba(x) == b.predict_proba(x)).all())

    return {
        "sk_fitted": (fitted, predicts),
        "sk_unfitted": (LogisticRegression(C=3.0), lambda a, b: a.get_params() == b.get_params()),
    }


def file_cases(folder: pathlib.Path) -> dict[str, tuple[Any, Callable[[Any, Any], bool]]]:
    folder.mkdir(parents=True, exist_ok=True)
    single = folder / "naïve file.txt"
    single.write_text("content")
    tree = folder / "tree"
    (tree / "inner").mkdir(parents=True, exist_ok=True)
    (tree / "inner" / "b.bin").write_bytes(b"\0\xff")
    (tree / "empty").write_bytes(b"")

    def content(a: Any, b: Any) -> bool:
        left, right = pathlib.Path(a), pathlib.Path(b)
        if type(a) is not type(b) or left.name != right.name:
            return False
        if left.is_file():
            return left.read_bytes() == right.read_bytes()
        return {p.relative_to(left): p.is_file() and p.read_bytes() for p in left.rglob("*")} == {
            p.relative_to(right): p.is_file() and p.read_bytes() for p in right.rglob("*")
        }

    return {
        "file": (File(single), content),
        "directory": (Directory(tree), content),
        "path_file": (single, content),
        "path_directory": (tree, content),
    }


def figure_cases() -> dict[str, tuple[Any, Callable[[Any, Any], bool]]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([1, 2, 3])
    return {
        "figure": (
            figure,
            lambda a, b: isinstance(b, Image) and b.width > 100 and b._repr_png_().startswith(b"\x89PNG"),
        )
    }


def plain_cases() -> dict[str, tuple[Any, Callable[[Any, Any], bool]]]:
    cases: dict[str, tuple[Any, Callable[[Any, Any], bool]]] = {name: (value, same) for name, value in PLAIN.items()}
    cases.update(file_cases(pathlib.Path(tempfile.gettempdir()) / "stoker materializer cases"))
    # Under the Pythons beside .venv the libraries are missing: tests/run python-versions.
    libraries = {"numpy": numpy_cases, "pandas": pandas_cases, "sklearn": sklearn_cases, "matplotlib": figure_cases}
    for name, more in libraries.items():
        if importlib.util.find_spec(name) is not None:
            cases.update(more())
    return cases


# --- Spark ------------------------------------------------------------------------------------------------------------------------


def spark_cases(session: Any) -> dict[str, Any]:
    """Frames with everything nasty."""
    from pyspark.ml.feature import StringIndexer, VectorAssembler
    from pyspark.ml.linalg import DenseMatrix, MatrixUDT, Vectors, VectorUDT
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    struct = T.StructType(
        [
            T.StructField("z é", T.ArrayType(T.MapType(T.StringType(), T.DecimalType(38, 18)))),
            T.StructField("b", T.BinaryType()),
        ]
    )
    schema = T.StructType(
        [
            T.StructField("i", T.ByteType()),
            T.StructField("dotted.name with space", T.StringType()),
            T.StructField("ünï`code=(;,{}\t", T.DecimalType(10, 2)),
            T.StructField("t", T.TimestampType()),
            T.StructField("ntz", T.TimestampNTZType()),
            T.StructField("day", T.DateType()),
            T.StructField("interval", T.DayTimeIntervalType()),
            T.StructField("nested", struct),
            T.StructField("v", VectorUDT()),
            T.StructField("m", MatrixUDT()),
            T.StructField("void", T.NullType()),
            T.StructField("f", T.FloatType()),
            T.StructField("c", T.StringType(), True, {"comment": "kept"}),
        ]
    )
    utc = datetime.timezone.utc
    row = (
        1, "a\0b", decimal.Decimal("-12345678.90"), datetime.datetime(1582, 1, 1, tzinfo=utc), datetime.datetime(2024, 10, 27, 2, 30),
        datetime.date(1, 1, 1), datetime.timedelta(days=3, microseconds=1), ([{"k": decimal.Decimal("0.000000000000000001")}, None], b"\0\xff"),
        Vectors.sparse(3, {1: 2.5}), DenseMatrix(1, 2, [1.0, 2.0]), None, float("nan"), "x",
    )  # fmt: skip
    rows = [row, (None,) * len(row), (2, *row[1:8], Vectors.dense([]), *row[9:])]
    everything = session.createDataFrame(rows, schema)
    labelled = session.createDataFrame([("a", 1.0), ("b", 2.0), ("a", 3.0)], "c string, x double")
    indexed = VectorAssembler(inputCols=["x"], outputCol="features").transform(
        StringIndexer(inputCol="c", outputCol="label").fit(labelled).transform(labelled)
    )
    left = session.createDataFrame([(1, "l")], "id int, v string")
    return {
        "everything": everything,
        "empty": everything.limit(0),
        "no_partitions": session.createDataFrame(session.sparkContext.emptyRDD(), "a int, `b.c` string"),
        "ml_metadata": indexed,
        "equal_names": left.join(left.withColumnRenamed("v", "V"), left.id == left.id).drop("nothing"),
        "case": session.createDataFrame([(1, 2)], ["a", "A"]),
        "only_void": session.createDataFrame([(None,)], T.StructType([T.StructField("n", T.NullType())])),
        "void_typed": session.range(3).withColumn("nothing", F.lit(None)),
        "wide": session.range(2).select(*[(F.col("id") + n).alias(f"c{n}") for n in range(200)]),
        "partitioned": session.range(100).repartition(7),
    }


def same_frame(expected: Any, loaded: Any) -> str:
    """Empty when equal in names, types, metadata and rows."""

    def bare(schema: Any) -> Any:
        return [(field.name, _nullable(field.dataType.jsonValue()), field.metadata) for field in schema.fields]

    if bare(expected.schema) != bare(loaded.schema):
        return f"schema: {bare(expected.schema)} != {bare(loaded.schema)}"
    left, right = sorted(map(repr, expected.collect())), sorted(map(repr, loaded.collect()))
    return "" if left == right else f"rows: {left} != {right}"


def _nullable(value: Any) -> Any:
    """A schema without nullability: files do not promise it."""
    if isinstance(value, dict):
        return {
            key: _nullable(item)
            for key, item in value.items()
            if key not in ("nullable", "containsNull", "valueContainsNull")
        }
    return [_nullable(item) for item in value] if isinstance(value, list) else value


def check(folder: pathlib.Path, kind: str) -> dict[str, str]:
    from stoker import _artifacts, _spark

    outcomes = {}
    if kind == "spark":
        _spark.configure({"master": "local[2]", "conf": SPARK_CONF}, "check")
        session = _spark.session_for_loading()
        session.sparkContext.setLogLevel("OFF")
        jobs = session.sparkContext._jsc.sc().statusStore()
        expected = spark_cases(session)
        for name, frame in expected.items():
            try:
                before = jobs.jobsList(None).size()
                loaded = _artifacts.load(folder / name)
                assert loaded.schema is not None
                started = jobs.jobsList(None).size() - before
                outcomes[name] = f"loading started {started} jobs" if started else same_frame(frame, loaded) or "ok"
            except Exception:
                outcomes[name] = traceback.format_exc()
        session.stop()
        return outcomes
    for name, (value, equal) in plain_cases().items():
        try:
            loaded = _artifacts.load(folder / name, trust=True)
            outcomes[name] = "ok" if equal(value, loaded) else f"{value!r} came back as {loaded!r}"[:500]
        except Exception:
            outcomes[name] = traceback.format_exc()
    return outcomes


SPARK_CONF = {
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.sql.session.timeZone": "America/New_York",
    "spark.sql.parquet.summary.metadata.level": "NONE",
}

if __name__ == "__main__":
    sys.modules["materializer_cases"] = sys.modules["__main__"]
    print(json.dumps(check(pathlib.Path(sys.argv[1]), sys.argv[2])))
