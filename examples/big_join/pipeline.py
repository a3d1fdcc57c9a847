"""Big enough to feel: generate customers and orders, aggregate, join, train. The benchmark runs it with more rows."""

from pyspark.ml import Model
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression, LinearRegressionModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from stoker import Spark, context, pipeline, step

spark = Spark(driver_memory="2g", conf={"spark.sql.shuffle.partitions": "8"})


@step(spark=spark)
def customers(session: SparkSession, rows: int, seed: int) -> DataFrame:
    """One customer for every hundred orders."""
    return session.range(max(1, rows // 100)).select(
        F.col("id").alias("customer"),
        (F.rand(seed) * 60 + 18).cast("int").alias("age"),
        F.floor(F.rand(seed + 1) * 5).cast("int").alias("region"),
    )


@step(spark=spark)
def orders(session: SparkSession, rows: int, seed: int) -> DataFrame:
    return session.range(rows).select(
        F.col("id").alias("order"),
        F.floor(F.rand(seed + 2) * max(1, rows // 100)).alias("customer"),
        F.round(F.exp(F.randn(seed + 3) + 3), 2).alias("amount"),
    )


@step(spark=spark)
def totals(orders: DataFrame) -> DataFrame:
    return orders.groupBy("customer").agg(
        F.count("*").alias("orders"), F.sum("amount").alias("spent"), F.max("amount").alias("largest")
    )


@step(spark=spark)
def joined(customers: DataFrame, totals: DataFrame) -> DataFrame:
    return customers.join(totals, "customer")


@step(spark=spark)
def train(data: DataFrame) -> Model:
    vectors = VectorAssembler(inputCols=["age", "region", "orders", "largest"], outputCol="features").transform(data)
    model: LinearRegressionModel = LinearRegression(labelCol="spent", maxIter=20).fit(vectors)
    context().log_metrics(r2=model.summary.r2, rmse=model.summary.rootMeanSquaredError)
    return model


@pipeline
def big_join(rows: int = 1_000_000, seed: int = 7) -> None:
    people = customers(rows, seed)
    train(joined(people, totals(orders(rows, seed))))


if __name__ == "__main__":
    print(big_join.run())
