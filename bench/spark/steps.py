"""The six steps of examples/breast_cancer for tools that pass paths: the example's own functions, with the frames and
models between them written and read as parquet by hand. The plain script and every rival call these."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import tempfile
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/breast_cancer"
CSV = str(EXAMPLE / "wdbc.csv")


def _load_example() -> Any:
    """By a name of its own: `pipeline` is what some rivals call a module of theirs."""
    spec = importlib.util.spec_from_file_location("breast_cancer_example", EXAMPLE / "pipeline.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = _load_example()


def session() -> Any:
    """Made with pyspark's defaults and the example's own setting. BENCH_EVENT_LOG: a folder to write the event log to."""
    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.master("local[*]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
    )
    events = os.environ.get("BENCH_EVENT_LOG")
    if events:
        builder = builder.config("spark.eventLog.enabled", "true").config("spark.eventLog.dir", events)
        builder = builder.config("spark.eventLog.compress", "false")
    return builder.getOrCreate()


def new_path(name: str) -> str:
    """In a folder of its own; BENCH_OUT is emptied after each run."""
    return os.path.join(tempfile.mkdtemp(dir=os.environ["BENCH_OUT"]), name)


def read(path: str) -> Any:
    return session().read.parquet(path)


def write(frame: Any, path: str) -> str:
    frame.write.mode("overwrite").parquet(path)
    return path


def import_data(csv: str, data: str) -> str:
    return write(example.import_data.function(session(), csv), data)


def statistics(data: str) -> int:
    return sum(example.statistics.function(read(data))["classes"].values())


def split(data: str, train: str, test: str) -> None:
    parts = example.split.function(read(data), 7)
    write(parts.train, train)
    write(parts.test, test)


def transform(train: str, test: str, scaled_train: str, scaled_test: str, scaler: str) -> None:
    features = example.transform.function(read(train), read(test))
    write(features.train, scaled_train)
    write(features.test, scaled_test)
    features.scaler.write().overwrite().save(scaler)


def train(scaled_train: str, model: str) -> str:
    example.train.function(read(scaled_train), 20, 7).write().overwrite().save(model)
    return model


def evaluate(model: str, scaled_test: str, report: str) -> float:
    from pyspark.ml.classification import RandomForestClassificationModel

    session()
    evaluation = example.evaluate.function(RandomForestClassificationModel.load(model), read(scaled_test))
    evaluation.report.savefig(report)
    return float(evaluation.auc)
