"""The rival of the breast-cancer example: its own functions in one plain script, one session, the same frames written and read as parquet."""

import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples/breast_cancer"))

from pyspark.ml.classification import RandomForestClassificationModel
from pyspark.sql import DataFrame, SparkSession

import pipeline as example

with tempfile.TemporaryDirectory() as folder:
    session = SparkSession.builder.master("local[*]").config("spark.sql.shuffle.partitions", "2").config("spark.ui.enabled", "false").getOrCreate()

    def kept(name: str, frame: DataFrame) -> DataFrame:
        path = f"{folder}/{name}"
        frame.write.mode("overwrite").parquet(path)
        return session.read.parquet(path)

    data = kept("data", example.import_data.function(session, str(ROOT / "examples/breast_cancer/wdbc.csv")))
    example.statistics.function(data)
    parts = example.split.function(data, 7)
    train, test = kept("train", parts.train), kept("test", parts.test)
    features = example.transform.function(train, test)
    train, test = kept("trainx", features.train), kept("testx", features.test)
    features.scaler.write().overwrite().save(f"{folder}/scaler")
    model = example.train.function(train, 20, 7)
    model.write().overwrite().save(f"{folder}/model")
    model = RandomForestClassificationModel.load(f"{folder}/model")
    evaluation = example.evaluate.function(model, test)
    evaluation.report.savefig(f"{folder}/report.png")
    print(evaluation.auc)
