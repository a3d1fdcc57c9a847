"""A typical job, run once so that the JVM can write down the classes that such jobs load (a class-data archive).

Run as `python -m stoker._spark.training` in an empty folder with the gateway of a leased JVM in the environment. What this
pyspark or environment cannot do is left out: the archive is then a little smaller, never wrong.
"""

import sys
from typing import Any, Callable, List


def _frames(session: Any) -> None:
    from pyspark.sql import functions as f

    frame = session.range(2000).select(
        "id",
        (f.col("id") % 7).alias("kind"),
        (f.col("id") * 0.5).alias("value"),
        f.concat(f.lit("name "), f.col("id").cast("string")).alias("name"),
        f.current_timestamp().alias("moment"),
    )
    frame.write.mode("overwrite").parquet("frame.parquet")
    frame.drop("moment").write.mode("overwrite").csv("frame.csv", header=True)
    frame.limit(50).write.mode("overwrite").json("frame.json")
    read = session.read.parquet("frame.parquet")
    table = session.read.csv("frame.csv", header=True, inferSchema=True)
    joined = read.join(table.select("id", f.col("value").alias("other")), "id").where("value > 3")
    joined.groupBy("kind").agg(f.sum("value"), f.avg("other"), f.count("*")).orderBy("kind").collect()
    joined.cache().describe().collect()
    joined.createOrReplaceTempView("joined")
    session.sql("select kind, max(value) m, rank() over (order by kind) r from joined group by kind").toPandas()
    session.read.json("frame.json").distinct().show(3)
    joined.randomSplit([0.8, 0.2], 7)[0].count()


def _python(session: Any) -> None:
    from pyspark.sql import functions as f

    plus = f.udf(lambda value: value + 1, "long")
    session.range(100).select(plus("id")).collect()
    session.sparkContext.parallelize(range(100), 2).map(lambda value: (value % 3, value)).reduceByKey(
        lambda a, b: a + b
    ).collect()
    session.createDataFrame([(1, "a"), (2, None)], ["number", "text"]).collect()


def _learning(session: Any) -> None:
    from pyspark.ml import Pipeline, PipelineModel
    from pyspark.ml.classification import LogisticRegression, RandomForestClassifier
    from pyspark.ml.evaluation import BinaryClassificationEvaluator, MulticlassClassificationEvaluator
    from pyspark.ml.feature import StandardScaler, StringIndexer, VectorAssembler
    from pyspark.sql import functions as f

    data = session.range(300).select(
        (f.rand(1) * 10).alias("a"),
        (f.rand(2) * 10).alias("b"),
        f.when(f.rand(3) > 0.5, "yes").otherwise("no").alias("answer"),
    )
    stages: List[Any] = [
        StringIndexer(inputCol="answer", outputCol="label"),
        VectorAssembler(inputCols=["a", "b"], outputCol="raw"),
        StandardScaler(inputCol="raw", outputCol="features", withMean=True),
    ]
    prepared = Pipeline(stages=stages).fit(data).transform(data).cache()
    for learner in (RandomForestClassifier(numTrees=3, seed=1), LogisticRegression(maxIter=3)):
        model = Pipeline(stages=[learner]).fit(prepared)
        scored = model.transform(prepared)
        BinaryClassificationEvaluator().evaluate(scored)
        MulticlassClassificationEvaluator().evaluate(scored)
        model.write().overwrite().save("model")
        PipelineModel.load("model").transform(prepared).count()


def _arrow(session: Any) -> None:
    import pandas
    from pyspark.sql import functions as f

    session.conf.set("spark.sql.execution.arrow.pyspark.enabled", "true")
    session.createDataFrame(pandas.DataFrame({"x": [1.0, 2.0, 3.0]})).toPandas()

    def twice(batches: Any) -> Any:
        for batch in batches:
            yield batch * 2

    session.range(10).select(f.col("id").cast("double").alias("x")).mapInPandas(twice, "x double").collect()


def main() -> int:
    from pyspark.sql import SparkSession

    session = SparkSession.builder.getOrCreate()
    parts: List[Callable[[Any], None]] = [_frames, _python, _learning, _arrow]
    done = 0
    for part in parts:
        try:
            part(session)
            done += 1
        except Exception as error:  # a missing library, or something that this version does not have
            print(f"{part.__name__[1:]}: {type(error).__name__}: {error}", file=sys.stderr)
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
