"""31 things that a Spark step may do. Run in a fresh process on a leased JVM (or a plain one): prints one line each, `ok NAME` or
`FAILED NAME: why` or `absent NAME: why` (not in this Spark version), and ends with `N of 31`.

Each run is told who it is (argv[1]), so that anything left by another run on the same JVM shows.
"""

import os
import sys
import tempfile
import time
import warnings

warnings.simplefilter("ignore")
WHO = sys.argv[1] if len(sys.argv) > 1 else "alone"
ROOT = tempfile.mkdtemp(prefix="check-")
CHECKS = []


class Absent(Exception):
    pass


def check(function):
    CHECKS.append(function)
    return function


def make_session():
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.appName("check-" + WHO)
        .config("spark.sql.shuffle.partitions", "3")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )


@check
def data_frame(spark):
    frame = spark.createDataFrame([(1, "a"), (2, "b"), (3, None)], ["n", "t"])
    assert frame.where("n > 1").count() == 2
    assert frame.groupBy("t").count().count() == 3


@check
def sql(spark):
    assert spark.sql("select sum(id) s from range(10)").first().s == 45


@check
def application_name(spark):
    assert spark.sparkContext.appName == "check-" + WHO, spark.sparkContext.appName


@check
def conf(spark):
    assert spark.conf.get("spark.sql.shuffle.partitions") == "3"
    assert spark.conf.get("spark.sql.session.timeZone") != "Asia/Tokyo"
    assert spark.conf.get("spark.check.mark", "none") == "none"
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    spark.conf.set("spark.check.mark", WHO)


@check
def pandas_plain(spark):
    spark.conf.set("spark.sql.execution.arrow.pyspark.enabled", "false")
    assert spark.range(5).toPandas()["id"].sum() == 10


@check
def pandas_arrow(spark):
    import pandas

    spark.conf.set("spark.sql.execution.arrow.pyspark.enabled", "true")
    spark.conf.set("spark.sql.execution.arrow.pyspark.fallback.enabled", "false")
    back = spark.createDataFrame(pandas.DataFrame({"x": [1.5, 2.5]})).toPandas()
    assert list(back["x"]) == [1.5, 2.5]


@check
def udf(spark):
    from pyspark.sql.functions import udf as make

    plus = make(lambda value: value + 1, "long")
    assert [row[0] for row in spark.range(3).select(plus("id")).collect()] == [1, 2, 3]


@check
def pandas_udf(spark):
    import pandas as pd
    from pyspark.sql.functions import pandas_udf as make

    def twice(values: pd.Series) -> pd.Series:
        return values * 2

    assert spark.range(4).select(make(twice, "long")("id").alias("d")).agg({"d": "sum"}).first()[0] == 12


@check
def map_in_pandas(spark):
    def keep_even(batches):
        for batch in batches:
            yield batch[batch["id"] % 2 == 0]

    assert spark.range(10).mapInPandas(keep_even, "id long").count() == 5


@check
def apply_in_pandas(spark):
    def total(frame):
        return frame[["k"]].head(1).assign(s=frame["id"].sum())

    rows = spark.range(10).selectExpr("id", "id % 2 k").groupBy("k").applyInPandas(total, "k long, s long").collect()
    assert sorted((row.k, row.s) for row in rows) == [(0, 20), (1, 25)]


@check
def rdd(spark):
    pairs = spark.sparkContext.parallelize(range(100), 4).map(lambda n: (n % 3, n)).reduceByKey(lambda a, b: a + b)
    assert dict(pairs.collect())[0] == sum(range(0, 100, 3))


@check
def broadcast_small(spark):
    table = spark.sparkContext.broadcast({1: "one"})
    assert spark.sparkContext.parallelize([1]).map(lambda n: table.value[n]).collect() == ["one"]


@check
def broadcast_large(spark):
    table = spark.sparkContext.broadcast(list(range(400_000)))
    assert spark.sparkContext.parallelize([399_999], 1).map(lambda n: table.value[n]).collect() == [399_999]


@check
def accumulator(spark):
    total = spark.sparkContext.accumulator(0)
    spark.sparkContext.parallelize(range(10), 2).foreach(lambda n: total.add(n))
    assert total.value == 45, total.value


@check
def parquet(spark):
    path = os.path.join(ROOT, "frame.parquet")
    spark.range(100).write.mode("overwrite").parquet(path)
    assert spark.read.parquet(path).count() == 100


@check
def pipeline_save_load(spark):
    from pyspark.ml import Pipeline, PipelineModel
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import VectorAssembler

    data = spark.range(40).selectExpr("cast(id as double) x", "cast(id > 20 as double) label")
    model = Pipeline(stages=[VectorAssembler(inputCols=["x"], outputCol="features"), LogisticRegression(maxIter=5)]).fit(data)
    path = os.path.join(ROOT, "pipeline")
    model.write().overwrite().save(path)
    assert PipelineModel.load(path).transform(data).where("prediction = label").count() > 35


@check
def cross_validator(spark):
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, ParamGridBuilder

    data = VectorAssembler(inputCols=["x"], outputCol="features").transform(
        spark.range(60).selectExpr("cast(id as double) x", "cast(id > 30 as double) label")
    )
    regression = LogisticRegression(maxIter=3)
    grid = ParamGridBuilder().addGrid(regression.regParam, [0.0, 0.1]).build()
    validator = CrossValidator(
        estimator=regression, estimatorParamMaps=grid, evaluator=BinaryClassificationEvaluator(), numFolds=2, parallelism=2
    )
    path = os.path.join(ROOT, "validator")
    validator.fit(data).write().overwrite().save(path)
    assert len(CrossValidatorModel.load(path).avgMetrics) == 2


def _stream(spark, each):
    source = os.path.join(ROOT, "stream-%d" % time.monotonic_ns())
    spark.range(30).write.parquet(source)
    query = spark.readStream.schema("id long").parquet(source).writeStream.foreachBatch(each).trigger(availableNow=True).start()
    assert query.awaitTermination(60)


@check
def foreach_batch(spark):
    counts = []
    _stream(spark, lambda frame, number: counts.append(frame.count()))
    assert sum(counts) == 30, counts


@check
def streaming_listener(spark):
    from pyspark.sql.streaming import StreamingQueryListener

    seen = []

    class Listener(StreamingQueryListener):
        def onQueryStarted(self, event):
            seen.append("started")

        def onQueryProgress(self, event):
            pass

        def onQueryIdle(self, event):
            pass

        def onQueryTerminated(self, event):
            seen.append("terminated")

    listener = Listener()
    spark.streams.addListener(listener)
    _stream(spark, lambda frame, number: frame.count())
    until = time.monotonic() + 20
    while "terminated" not in seen and time.monotonic() < until:
        time.sleep(0.05)
    spark.streams.removeListener(listener)
    assert seen == ["started", "terminated"], seen


@check
def no_streams_left(spark):
    assert spark.streams.active == []


@check
def job_group_cancel(spark):
    import threading

    context = spark.sparkContext
    outcome = []

    def work():
        context.setJobGroup("slow-" + WHO, "slow", True)
        try:
            context.parallelize(range(2), 2).map(lambda n: time.sleep(60)).count()
            outcome.append("finished")
        except Exception:
            outcome.append("cancelled")

    from pyspark import InheritableThread

    thread = InheritableThread(target=work)
    thread.start()
    until = time.monotonic() + 30
    while not context.statusTracker().getActiveJobsIds() and time.monotonic() < until:
        time.sleep(0.05)
    context.cancelJobGroup("slow-" + WHO)
    thread.join(30)
    assert outcome == ["cancelled"], outcome
    assert isinstance(thread, threading.Thread)


@check
def temporary_views(spark):
    assert not spark.catalog.tableExists("left_over")
    assert not spark.catalog.tableExists("global_temp.left_over_global")
    spark.range(7).createOrReplaceTempView("left_over")
    spark.range(8).createOrReplaceGlobalTempView("left_over_global")
    assert spark.table("left_over").count() == 7 and spark.table("global_temp.left_over_global").count() == 8


@check
def save_as_table(spark):
    assert "kept" not in [table.name for table in spark.catalog.listTables()]
    spark.range(9).write.mode("overwrite").saveAsTable("kept_" + WHO)
    assert spark.table("kept_" + WHO).count() == 9
    spark.sql("drop table kept_" + WHO)


@check
def cached_frames(spark):
    assert spark.sparkContext._jsc.getPersistentRDDs().size() == 0
    assert spark.range(100).cache().count() == 100


@check
def module_in_workers(spark):
    folder = os.path.join(ROOT, "modules")
    os.makedirs(folder)
    with open(os.path.join(folder, "own_module.py"), "w") as file:
        file.write("def who():\n    return %r\n" % WHO)
    spark.sparkContext.addPyFile(os.path.join(folder, "own_module.py"))

    def ask(_):
        import own_module

        return own_module.who()

    assert set(spark.sparkContext.parallelize(range(4), 2).map(ask).collect()) == {WHO}


@check
def relative_path(spark):
    name = "relative-%s.csv" % WHO
    with open(name, "w") as file:
        file.write("x\n1\n2\n")
    try:
        assert spark.read.csv(name, header=True).count() == 2
    finally:
        os.remove(name)


@check
def add_file(spark):
    from pyspark import SparkFiles

    path = os.path.join(ROOT, "same_name.txt")
    with open(path, "w") as file:
        file.write(WHO)
    spark.sparkContext.addFile(path)

    def read(_):
        with open(SparkFiles.get("same_name.txt")) as file:
            return file.read()

    assert set(spark.sparkContext.parallelize(range(2), 2).map(read).collect()) == {WHO}


@check
def udtf(spark):
    try:
        from pyspark.sql.functions import lit
        from pyspark.sql.functions import udtf as make
    except ImportError:
        raise Absent("from 3.5 on") from None

    class Count:
        def eval(self, n: int):
            for i in range(n):
                yield (i,)

    assert make(Count, returnType="i int")(lit(3)).count() == 3


@check
def pandas_api(spark):
    os.environ["PYARROW_IGNORE_TIMEZONE"] = "1"
    if spark.version.startswith("4.0"):
        spark.conf.set("spark.sql.ansi.enabled", "false")  # this version's pandas API refuses ANSI mode
    try:
        import pyspark.pandas as ps
    except (ImportError, AttributeError) as error:  # this pyspark is older than the pandas or NumPy beside it
        raise Absent("not with this pandas and NumPy: %s" % error) from None
    assert ps.DataFrame({"a": [1, 2, 3]})["a"].sum() == 6


@check
def log_level(spark):
    levels = spark._jvm.org.apache.logging.log4j.LogManager.getRootLogger().getLevel().toString()
    assert levels != "DEBUG"
    spark.sparkContext.setLogLevel("ERROR")


@check
def stop_and_restart(spark):
    spark.stop()
    again = make_session()
    assert again.range(3).count() == 3
    assert again.sparkContext.applicationId != ""


def main():
    spark = make_session()
    passed = 0
    for function in CHECKS:
        name = function.__name__
        try:
            function(spark)
            passed += 1
            print("ok", name, flush=True)
        except Absent as absent:
            print("absent %s: %s" % (name, absent), flush=True)
        except Exception as error:
            print("FAILED %s: %s: %s" % (name, type(error).__name__, str(error).strip().split("\n")[0][:300]), flush=True)
    print("%d of %d" % (passed, len(CHECKS)))


if __name__ == "__main__":
    main()
