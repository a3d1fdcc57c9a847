"""Warm JVMs must not be seen: what a step leaves behind, and what changes between runs, behaves as in a cold JVM."""

from __future__ import annotations

import json
import signal
import textwrap

import psutil
import pytest
from conftest import Stoker

HEAD = """
from pyspark.sql import DataFrame, SparkSession
from stoker import Spark, pipeline, step
import helper

spark = Spark(conf={"spark.sql.shuffle.partitions": "1"})
"""


def project(stoker: Stoker, steps: str, helper: str = "") -> None:
    (stoker.folder / "p.py").write_text(HEAD + textwrap.dedent(steps))
    (stoker.folder / "helper.py").write_text(textwrap.dedent(helper))


def jvms(stoker: Stoker) -> list[dict]:
    return json.loads(stoker("workers", "list", "--json").out)


def output(stoker: Stoker, step: str) -> object:
    shown = json.loads(stoker("runs", "show", "--json").out)
    row = next(row for row in shown["steps"] if row["step"] == step)
    return row["outputs"]["output"]["value"]


UDF = """
    @step(spark=spark)
    def work(session: SparkSession) -> int:
        from pyspark.sql.functions import udf
        change = udf(helper.change, "long")
        return session.range(5).select(change("id").alias("x")).groupBy().sum("x").first()[0]

    @pipeline
    def p() -> None:
        work()
"""


def test_an_edited_helper_is_used_by_udfs_on_a_warm_jvm(spark: Stoker) -> None:
    project(spark, UDF, "def change(x):\n    return x + 1\n")
    assert spark.run("p.py").code == 0
    assert output(spark, "work") == 15
    project(spark, UDF, "def change(x):\n    return x * 100\n")
    warm = spark.run("p.py")
    assert warm.code == 0 and output(spark, "work") == 1000
    cold = spark.run("p.py", "--no-cache", "--isolated")
    assert cold.code == 0 and output(spark, "work") == 1000


LEAKS = """
    @step(spark=spark)
    def leak(session: SparkSession) -> int:
        session.range(3).createOrReplaceGlobalTempView("leaked")
        session.range(3).createOrReplaceTempView("leaked")
        session.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
        session.sparkContext.setLogLevel("OFF")
        session.readStream.format("rate").load().writeStream.format("memory").queryName("stream").start()
        return 1

    @step(spark=spark)
    def look(session: SparkSession, after: int) -> list[str]:
        views = [row.name for row in session.catalog.listTables()]
        streams = [query.name for query in session.streams.active]
        try:
            session.table("global_temp.leaked")
            views.append("global")
        except Exception:
            pass
        return [*views, *streams, session.conf.get("spark.sql.session.timeZone")]

    @pipeline
    def p() -> None:
        look(leak())
"""


def test_nothing_leaks_from_one_step_to_the_next(spark: Stoker) -> None:
    project(spark, LEAKS)
    done = spark.run("p.py", "--no-cache")
    assert done.code == 0, done.err
    warm = output(spark, "look")
    assert warm == [value for value in warm if value not in ("leaked", "global", "stream", "Asia/Tokyo")]


ENDS = """
    import os, sys

    @step(spark=spark)
    def work(session: SparkSession, how: str) -> int:
        session.range(10).count()
        if how == "stop":
            session.stop()
        elif how == "exit":
            sys.exit(3)
        elif how == "kill":
            os.kill(os.getpid(), 9)
        return 1

    @pipeline
    def p(how: str) -> None:
        work(how)
"""


def test_a_jvm_serves_on_after_stop_exit_and_kill(spark: Stoker) -> None:
    project(spark, ENDS)
    assert spark.run("p.py", "--set", "how=none", "--no-cache").code == 0
    assert spark.run("p.py", "--set", "how=stop", "--no-cache").code == 0
    assert spark.run("p.py", "--set", "how=exit", "--no-cache").code == 1
    assert spark.run("p.py", "--set", "how=kill", "--no-cache").code == 1
    assert spark.run("p.py", "--set", "how=none", "--no-cache").code == 0


def test_other_credentials_get_another_jvm(spark: Stoker) -> None:
    project(spark, ENDS)
    assert spark.run("p.py", "--set", "how=none", "--no-cache").code == 0
    before = {jvm["pid"] for jvm in jvms(spark)}
    assert spark.run("p.py", "--set", "how=none", "--no-cache", AWS_ACCESS_KEY_ID="someone-else").code == 0
    assert {jvm["pid"] for jvm in jvms(spark)} - before


DIES = """
    import os, signal, subprocess

    def die(session, how):
        jvm = session.sparkContext._jvm
        if how == "halt":
            jvm.java.lang.Runtime.getRuntime().halt(1)
        pid = int(jvm.java.lang.ProcessHandle.current().pid())
        if how == "kill":
            os.kill(pid, signal.SIGKILL)
        # In the middle of a job: who waits for its answer hears of the end.
        subprocess.Popen(["sh", "-c", f"sleep 1; kill -9 {pid}"])
        session.range(2, numPartitions=2).rdd.map(lambda row: __import__("time").sleep(1000)).count()

    @step(spark=spark, retry={retry})
    def work(session: SparkSession, how: str) -> int:
        if not os.path.exists(os.environ["MARK"]):
            open(os.environ["MARK"], "w").close()
            die(session, how)
        return session.range(7).count()

    @pipeline
    def p(how: str) -> None:
        work(how)
"""


@pytest.mark.parametrize("how", ["halt", "kill", "job"])
def test_a_jvm_that_dies_in_a_step_is_classified_and_replaced(spark: Stoker, how: str) -> None:
    project(spark, DIES.replace("{retry}", "1"))
    done = spark.run("p.py", "--set", f"how={how}", MARK=str(spark.folder / "mark"))
    assert done.code == 0, done.err + done.out
    retry = next(event for event in done.events if event["type"] == "step.retrying")
    assert retry["class"] == "infrastructure", retry
    assert output(spark, "work") == 7


def test_a_jvm_that_dies_fails_a_step_without_retries(spark: Stoker) -> None:
    project(spark, DIES.replace("{retry}", "0"))
    mark = spark.folder / "mark"
    done = spark.run("p.py", "--set", "how=kill", MARK=str(mark))
    assert done.code == 1, done.err + done.out
    failed = done.step("work")
    assert failed["class"] == "infrastructure"
    assert "JVM" in failed["error"]["message"], failed["error"]
    # Nothing is lost: what had finished stays, and the step runs on another JVM.
    resumed = spark("runs", "resume", "--json", MARK=str(mark))
    assert resumed.code == 0, resumed.err
    assert output(spark, "work") == 7


def test_a_jvm_that_is_out_of_memory_is_classified(spark: Stoker) -> None:
    project(
        spark,
        """
        @step(spark=Spark(driver_memory="512m"))
        def work(session: SparkSession) -> int:
            return len(session.sparkContext._jvm.java.util.ArrayList(1_500_000_000).toString())

        @pipeline
        def p() -> None:
            work()
        """,
    )
    done = spark.run("p.py")
    assert done.code == 1, done.err + done.out
    assert done.step("work")["class"] == "outOfMemory", done.step("work")


def test_progress_of_stages_is_reported_live(spark: Stoker) -> None:
    project(
        spark,
        """
        @step(spark=spark)
        def slow(session: SparkSession) -> int:
            import time

            def wait(rows):
                time.sleep(0.4)
                return rows

            return session.sparkContext.parallelize(range(8), 8).mapPartitions(wait).count()

        @pipeline
        def p() -> None:
            slow()
        """,
    )
    done = spark.run("p.py", "--no-cache")
    assert done.code == 0, done.err
    seen = [event for event in done.events if event["type"] == "progress"]
    assert any(stage["total"] == 8 for event in seen for stage in event.get("stages", [])), seen


def test_a_killed_program_frees_its_jvm(spark: Stoker) -> None:
    project(spark, ENDS)
    assert spark.run("p.py", "--set", "how=none", "--no-cache").code == 0
    project(
        spark,
        """
        @step(spark=spark)
        def endless(session: SparkSession) -> int:
            import time
            return session.range(2, numPartitions=2).rdd.map(lambda row: time.sleep(1000)).count()

        @pipeline
        def p() -> None:
            endless()
        """,
    )
    program = spark.start("run", "p.py", "--json")
    assert program.stdout is not None
    for line in program.stdout:
        if '"progress"' in line or '"step.started"' in line:
            break
    children = psutil.Process(program.pid).children(recursive=True)
    program.send_signal(signal.SIGKILL)
    program.wait()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive, "the step's process ends with the program"
    project(spark, ENDS)
    assert spark.run("p.py", "--set", "how=none", "--no-cache").code == 0
