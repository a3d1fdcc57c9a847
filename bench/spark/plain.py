"""The rival of the breast-cancer example: its own functions in one plain script, one session, the same frames and models written and read as parquet,
each frame read once."""

import steps
from pyspark.ml.classification import RandomForestClassificationModel
from pyspark.sql import DataFrame
from steps import example


def kept(name: str, frame: DataFrame) -> DataFrame:
    again: DataFrame = steps.read(steps.write(frame, steps.new_path(name)))
    return again


session = steps.session()
data = kept("data", example.import_data.function(session, steps.CSV))
example.statistics.function(data)
parts = example.split.function(data, 7)
train, test = kept("train", parts.train), kept("test", parts.test)
features = example.transform.function(train, test)
scaled_train, scaled_test = kept("train", features.train), kept("test", features.test)
features.scaler.write().overwrite().save(steps.new_path("scaler"))
path = steps.new_path("model")
example.train.function(scaled_train, 20, 7).write().overwrite().save(path)
evaluation = example.evaluate.function(RandomForestClassificationModel.load(path), scaled_test)
evaluation.report.savefig(steps.new_path("report.png"))
print(evaluation.auc)
