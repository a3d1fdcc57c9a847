"""Diagnose tumours from 30 measurements: six Spark steps, from a CSV to an evaluated random forest."""

from typing import Any, NamedTuple

import matplotlib
from matplotlib.figure import Figure
from pyspark.ml import Model, Pipeline
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.sql import DataFrame, SparkSession
from stoker import File, Spark, context, pipeline, step

matplotlib.use("Agg")

LABEL = "target"
spark = Spark(conf={"spark.sql.shuffle.partitions": "2"})


@step(spark=spark)
def import_data(session: SparkSession, path: File) -> DataFrame:
    """Read the CSV, with the types that its values have."""
    return session.read.csv(str(path), header=True, inferSchema=True)


@step(spark=spark)
def statistics(data: DataFrame) -> dict[str, Any]:
    """Rows of each class, and count, mean, deviation and range of each column."""
    summary = {row["summary"]: row.asDict() for row in data.summary("count", "mean", "stddev", "min", "max").collect()}
    classes = {str(row[LABEL]): row["count"] for row in data.groupBy(LABEL).count().orderBy(LABEL).collect()}
    return {"classes": classes, "columns": summary}


class Parts(NamedTuple):
    train: DataFrame
    test: DataFrame


@step(spark=spark)
def split(data: DataFrame, seed: int = 7) -> Parts:
    """Four fifths to train on, one fifth to test with."""
    train, test = data.randomSplit([0.8, 0.2], seed)
    return Parts(train, test)


class Features(NamedTuple):
    train: DataFrame
    test: DataFrame
    scaler: Model


@step(spark=spark)
def transform(train: DataFrame, test: DataFrame) -> Features:
    """One vector of all measurements, scaled by what the training part knows."""
    measurements = [column for column in train.columns if column != LABEL]
    scaler = Pipeline(
        stages=[
            VectorAssembler(inputCols=measurements, outputCol="raw"),
            StandardScaler(inputCol="raw", outputCol="features", withMean=True),
        ]
    ).fit(train)
    columns = ["features", LABEL]
    return Features(scaler.transform(train).select(columns), scaler.transform(test).select(columns), scaler)


@step(spark=spark)
def train(data: DataFrame, trees: int, seed: int = 7) -> Model:
    """A random forest."""
    model: Model = RandomForestClassifier(labelCol=LABEL, numTrees=trees, maxDepth=5, seed=seed).fit(data)
    return model


class Evaluation(NamedTuple):
    auc: float
    report: Figure


@step(spark=spark)
def evaluate(model: Model, data: DataFrame) -> Evaluation:
    """Accuracy and area under the curve on rows that the model has not seen, and the confusion matrix as a picture."""
    predictions = model.transform(data).select(LABEL, "prediction", "rawPrediction").cache()
    counts = {
        (row[LABEL], int(row["prediction"])): row["count"]
        for row in predictions.groupBy(LABEL, "prediction").count().collect()
    }
    matrix = [[counts.get((actual, predicted), 0) for predicted in (0, 1)] for actual in (0, 1)]
    accuracy = (matrix[0][0] + matrix[1][1]) / sum(map(sum, matrix))
    auc = float(BinaryClassificationEvaluator(labelCol=LABEL).evaluate(predictions))
    context().log_metrics(accuracy=accuracy, auc=auc)
    return Evaluation(auc, confusion_picture(matrix))


def confusion_picture(matrix: list[list[int]]) -> Figure:
    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(matrix, cmap="Blues")
    names = ["malignant", "benign"]
    axes.set(xlabel="predicted", ylabel="actual", xticks=[0, 1], yticks=[0, 1], xticklabels=names, yticklabels=names)
    top = max(map(max, matrix))
    for actual in (0, 1):
        for predicted in (0, 1):
            count = matrix[actual][predicted]
            axes.text(
                predicted, actual, str(count), ha="center", va="center", color="white" if count > top / 2 else "black"
            )
    return figure


@pipeline
def breast_cancer(path: File = File("wdbc.csv"), trees: int = 20, seed: int = 7) -> None:
    data = import_data(path)
    statistics(data)
    parts = split(data, seed)
    features = transform(parts.train, parts.test)
    model = train(features.train, trees, seed)
    evaluate(model, features.test)


if __name__ == "__main__":
    print(breast_cancer.run())
