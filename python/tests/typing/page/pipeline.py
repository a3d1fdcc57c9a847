from typing import NamedTuple

from pyspark.ml import Model
from pyspark.sql import DataFrame, SparkSession

from stoker import File, Spark, context, pipeline, step, when

spark = Spark(executors=2, executor_memory="2g", conf={"spark.sql.shuffle.partitions": "8"})


@step(spark=spark)
def import_data(session: SparkSession, path: File) -> DataFrame:  # a leading SparkSession is injected
    return session.read.csv(str(path), header=True, inferSchema=True)


class Parts(NamedTuple):  # several outputs: a NamedTuple
    train: DataFrame
    test: DataFrame


@step(spark=spark, retry=2, timeout="30m")
def split(data: DataFrame, seed: int = 7) -> Parts:
    return Parts(*data.randomSplit([0.8, 0.2], seed))


@step(spark=spark)
def train(data: DataFrame, trees: int) -> Model:
    raise NotImplementedError


@step(spark=spark)
def evaluate(model: Model, data: DataFrame) -> float:
    context().log_metrics(auc=0.5)  # shown, compared, plotted
    return 0.5


@step
def publish(score: float) -> None: ...  # a plain step: no Spark, no JVM


@pipeline
def breast_cancer(path: File = File("wdbc.csv"), trees: int = 20) -> None:
    parts = split(import_data(path))
    score = evaluate(train(parts.train, trees), parts.test)
    with when(score > 0.95):
        publish(score)


if __name__ == "__main__":
    run = breast_cancer.run(trees=50)  # the same as: stoker run pipeline.py --set trees=50
    print(run.steps["evaluate"].output)  # artifacts load back
