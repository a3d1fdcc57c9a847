"""Spark steps in the worker: the session, errors in a line, a lost JVM, cancellation, reads outside the inputs.

One JVM for all attempts, leased as the engine's pool does it: a gateway per attempt, the context stopped in between.
"""

from __future__ import annotations

import os
import pathlib
import time
from typing import Any, Dict, Iterator, List, Optional

import pytest
from worker_project import Project

from stoker import _spark

pytest.importorskip("pyspark")
SESSION = {"master": "local[2]", "conf": {"spark.sql.shuffle.partitions": "2", "spark.default.parallelism": 2}}


class Jvm:
    """A JVM and the connection that controls it."""

    def __init__(self) -> None:
        from pyspark import SparkConf
        from pyspark.java_gateway import launch_gateway

        conf = SparkConf(loadDefaults=False).setMaster("local[2]").set("spark.ui.enabled", "false")
        conf.set("spark.driver.memory", "512m").set(
            "spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
        )
        self.gateway = launch_gateway(conf)
        self.pid = int(self.gateway.jvm.java.lang.ProcessHandle.current().pid())

    def lease(self) -> Any:
        jvm = self.gateway.jvm
        server = jvm.org.apache.spark.api.python.Py4JServer(jvm.org.apache.spark.SparkConf())
        server.start()
        return server

    def end(self, server: Any) -> None:
        spark = getattr(self.gateway.jvm.org.apache.spark, "SparkContext$").__getattr__("MODULE$")
        active = spark.getActive()
        if active.isDefined():
            active.get().stop()
        server.shutdown()


@pytest.fixture(scope="module")
def jvm() -> Iterator[Jvm]:
    before = {name: os.environ.pop(name, None) for name in ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")}
    made = Jvm()
    yield made
    made.gateway.shutdown()
    made.gateway.proc.stdin.close()
    made.gateway.proc.wait(60)
    os.environ.update({name: value for name, value in before.items() if value is not None})


class SparkProject(Project):
    jvm: Optional[Jvm] = None

    def run(
        self, function: str, inputs: Optional[Dict[str, Any]] = None, outputs: Optional[List[str]] = None, **more: Any
    ) -> Dict[str, Any]:
        assert self.jvm is not None
        server = self.jvm.lease()
        self.environment = {
            "PYSPARK_GATEWAY_PORT": str(server.getListeningPort()),
            "PYSPARK_GATEWAY_SECRET": server.secret(),
        }
        try:
            return super().run(function, inputs, outputs, **{"session": SESSION, "injectSession": True, **more})
        finally:
            self.jvm.end(server)


@pytest.fixture
def project(tmp_path: pathlib.Path, jvm: Jvm) -> SparkProject:
    made = SparkProject(tmp_path)
    made.jvm = jvm
    return made


def test_frames_and_models_between_steps(project: SparkProject) -> None:
    project.file(
        "pipeline.py",
        """
        from typing import NamedTuple
        from pyspark.ml import Model
        from pyspark.ml.feature import StringIndexer
        from pyspark.sql import DataFrame, SparkSession
        class Parts(NamedTuple):
            data: DataFrame
            model: Model
            name: str
        def make(session: SparkSession, n: int) -> Parts:
            data = session.createDataFrame([(str(i % 3), i) for i in range(n)], "c string, i int")
            return Parts(data, StringIndexer(inputCol="c", outputCol="o").fit(data), session.sparkContext.appName)
        def use(session: SparkSession, data: DataFrame, model: Model) -> list:
            assert session.conf.get("spark.sql.shuffle.partitions") == "2"
            return [model.transform(data).count(), type(model).__name__, session.sparkContext.getLocalProperty("spark.jobGroup.id")]
        """,
    )
    made = project.run("make", {"n": 10}, ["data", "model", "name"])
    assert made["state"] == "succeeded", made["error"]
    outputs = made["outputs"]
    assert outputs["data"]["artifact"]["rows"] == 10 and outputs["name"]["value"] == "conformance/step[3]"
    inputs = {name: {"$artifact": outputs[name]["artifact"]} for name in ("data", "model")}
    used = project.run("use", inputs)
    assert used["outputs"]["output"]["value"] == [10, "StringIndexerModel", "stoker-20260102-030405-ab3d/step[3]/2"]
    assert used["observed"]["outsideReads"] == []


def test_errors_of_spark_in_a_line(project: SparkProject) -> None:
    project.file(
        "udfs.py", "def explode(x):\n    if x == 3:\n        raise ValueError('three is too many')\n    return x\n"
    )
    project.file(
        "pipeline.py",
        """
        from pyspark.sql import SparkSession, functions as F
        import udfs
        def column(session: SparkSession) -> int:
            return session.range(3).select("nope").count()
        def udf(session: SparkSession) -> int:
            return session.range(5).select(F.udf(udfs.explode, "long")("id")).collect()[0][0]
        def rdd(session: SparkSession) -> int:
            return session.sparkContext.parallelize(range(5)).map(udfs.explode).sum()
        def java(session: SparkSession) -> int:
            return session.range(5).select(F.raise_error(F.lit("java says no"))).collect()
        def path(session: SparkSession) -> int:
            return session.read.parquet("/no/such/place").count()
        def memory(session: SparkSession) -> int:
            jvm = session._jvm
            return len([jvm.java.nio.ByteBuffer.allocate(200_000_000) for _ in range(1000)])
        def stopped(session: SparkSession) -> "DataFrame":
            frame = session.range(3)
            session.stop()
            return frame
        """,
    )
    error = project.error("column")
    assert error["type"] == "AnalysisException" and "`nope`" in error["message"] and "\n+-" not in error["message"]
    assert error["traceback"].count("File ") == 1 and error["line"] == 5 and len(error["traceback"].splitlines()) < 8
    for function in ("udf", "rdd"):
        error = project.error(function)
        assert (error["class"], error["type"], error["message"]) == ("userCode", "ValueError", "three is too many"), (
            error
        )
        assert (
            "udfs.py" in error["traceback"]
            and "in a Python worker of Spark" in error["traceback"]
            and "pyspark" not in error["traceback"].replace("in pyspark", "")
        )
        assert len(error["traceback"].splitlines()) < 14, error["traceback"]
    error = project.error("java")
    assert "java says no" in error["message"] and "\tat " not in error["message"] and len(error["message"]) < 400
    assert "/no/such/place" in project.error("path")["message"]
    error = project.error("memory")
    assert error["class"] == "outOfMemory" and "driver_memory" in error["hint"], error
    error = project.error("stopped")
    assert error["class"] == "userCode" and "stopped" in error["message"].lower(), error


def test_a_step_may_stop_and_make_its_own_session(project: SparkProject) -> None:
    project.file(
        "pipeline.py",
        """
        from pyspark.sql import DataFrame, SparkSession
        def f(session: SparkSession, data: DataFrame) -> DataFrame:
            session.stop()
            again = SparkSession.builder.master("local[1]").getOrCreate()
            return again.range(4)
        def make(session: SparkSession) -> DataFrame:
            return session.range(1)
        def own() -> int:
            return SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate().range(6).count()
        """,
    )
    data = project.run("make")["outputs"]["output"]["artifact"]
    result = project.run("f", {"data": {"$artifact": data}})
    assert result["state"] == "succeeded" and result["outputs"]["output"]["artifact"]["rows"] == 4
    assert project.value("own", session=None, injectSession=False) == 6


def test_reads_outside_the_inputs(project: SparkProject, tmp_path: pathlib.Path) -> None:
    project.file("inside.csv", "a\n1\n")
    project.file("given.csv", "a\n1\n")
    (tmp_path / "outside.csv").write_text("a\n1\n")
    project.file(
        "pipeline.py",
        """
        from pyspark.sql import SparkSession
        from stoker import File
        def f(session: SparkSession, given: File, outside: str) -> int:
            root = __file__.rpartition("/")[0]
            frames = [session.read.csv(path, header=True) for path in (str(given), outside, root + "/inside.csv")]
            context = session.sparkContext
            texts = context.textFile(outside.replace("side.csv", "side.txt")).count() + context.textFile(root + "/inside.txt").count()
            return sum(frame.count() for frame in frames) + texts
        """,
    )
    project.file("inside.txt", "a")
    (tmp_path / "outside.txt").write_text("a")
    given = {"$file": {"path": str(project.root / "given.csv")}}
    result = project.run("f", {"given": given, "outside": str(tmp_path / "outside.csv")})
    assert result["outputs"]["output"]["value"] == 5
    assert result["observed"]["outsideReads"] == [f"file:{tmp_path}/outside.txt", f"file:{tmp_path}/outside.csv"]
    assert [pathlib.Path(entry["path"]).name for entry in result["observed"]["files"]] == ["inside.csv", "inside.txt"]


def test_cancelling_ends_the_spark_job(project: SparkProject, tmp_path: pathlib.Path) -> None:
    ready = tmp_path / "ready"
    project.file(
        "pipeline.py",
        """
        import time, pathlib
        from pyspark.sql import SparkSession
        def f(session: SparkSession, ready: str) -> int:
            def slow(x):
                pathlib.Path(ready).touch()
                time.sleep(120)
                return x
            return session.sparkContext.parallelize(range(2), 2).map(slow).sum()
        """,
    )
    assert project.jvm is not None
    server = project.jvm.lease()
    project.environment = {
        "PYSPARK_GATEWAY_PORT": str(server.getListeningPort()),
        "PYSPARK_GATEWAY_SECRET": server.secret(),
    }
    attempt = project.start("f", {"ready": str(ready)}, session=SESSION, injectSession=True)
    attempt.wait_for(ready, 60)
    attempt.terminate()
    assert attempt.finish(60) == 143, attempt.text()
    assert attempt.result()["error"]["class"] == "cancelled"
    active = getattr(project.jvm.gateway.jvm.org.apache.spark, "SparkContext$").__getattr__("MODULE$").getActive()
    # The context hears of the end of a job a little later than its jobs do.
    end = time.monotonic() + 60
    while list(active.get().statusTracker().getActiveJobIds()):
        assert time.monotonic() < end
        time.sleep(0.05)
    project.jvm.end(server)


def test_a_jvm_that_dies_is_infrastructure(tmp_path: pathlib.Path) -> None:
    """The only cold start here: the step's own JVM."""
    project = Project(tmp_path)
    project.file(
        "pipeline.py",
        """
        import os, signal
        from pyspark.sql import SparkSession
        def f(session: SparkSession) -> int:
            assert session.conf.get("spark.ui.enabled") == "false"
            os.kill(int(session._jvm.java.lang.ProcessHandle.current().pid()), signal.SIGKILL)
            return session.range(5).count()
        """,
    )
    error = project.error("f", session=SESSION, injectSession=True)
    assert error["class"] == "infrastructure" and error["message"].startswith("the Spark JVM is gone"), error
    assert error["line"] == 7


def test_no_pyspark_and_no_java(tmp_path: pathlib.Path) -> None:
    project = Project(tmp_path)
    project.file("pipeline.py", "def f(session) -> int:\n    return 1\n")
    project.environment = {"JAVA_HOME": str(tmp_path / "no java"), "PATH": "/nonexistent"}
    error = project.error("f", session=SESSION, injectSession=True)
    assert error["class"] == "infrastructure" and "Java" in error["message"], error


def test_session_settings_become_spark_properties() -> None:
    settings = {
        "master": "yarn",
        "executors": 3,
        "executorMemory": "2g",
        "driverMemory": "1g",
        "packages": ["a:b:1", "c:d:2"],
        "conf": {"spark.x": True, "spark.executor.memory": "3g"},
    }
    conf = _spark.session_conf(settings, "app", leased_jvm=False)
    assert conf == {
        "spark.master": "yarn", "spark.app.name": "app", "spark.executor.instances": "3", "spark.executor.memory": "3g", "spark.driver.memory": "1g",
        "spark.jars.packages": "a:b:1,c:d:2", "spark.x": "true",
    }  # fmt: skip
    leased = _spark.session_conf({"driverMemory": "1g", "conf": {"spark.y": 1}}, "app", leased_jvm=True)
    assert leased == {
        "spark.master": "local[*]",
        "spark.app.name": "app",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.y": "1",
    }
    cold = _spark.session_conf({"profile": "heavy"}, "app", leased_jvm=False)
    assert "spark.driver.extraJavaOptions" not in cold


PLAN = """== Physical Plan ==
(1) Scan csv
Location: InMemoryFileIndex [file:/a/b c.csv]
(2) Scan parquet
Location: InMemoryFileIndex [s3a://b/x, s3a://b/y]
(3) Scan json
Location: InMemoryFileIndex [file:/p, ... 3 entries]
(4) Scan JDBCRelation(db.table) [numPartitions=1]
(5) BatchScan catalog.db.t
(6) Scan ExistingRDD
(7) Scan parquet spark_catalog.sales.orders
Output [1]: [id#0L]
Location: InMemoryFileIndex [file:/warehouse/sales.db/orders]
"""


def test_reads_of_a_plan() -> None:
    assert _spark.reads_of_plan(PLAN) == {
        "file:/a/b c.csv", "s3a://b/x", "s3a://b/y", "file:/p", "file:/p, ... 3 entries", "JDBCRelation(db.table)", "catalog.db.t",
        "file:/warehouse/sales.db/orders",
    }  # fmt: skip
    inputs = _spark.reads_of_plan(PLAN, ["db.t", "sales.orders"])
    assert _spark.reads_of_plan(PLAN) - inputs == {"catalog.db.t", "file:/warehouse/sales.db/orders"}
    assert _spark.reads_of_plan(PLAN, ["ders", "t2"]) == _spark.reads_of_plan(PLAN)
