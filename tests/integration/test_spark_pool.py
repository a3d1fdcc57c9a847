"""Warm JVMs with real Spark: what one step leaves behind must not reach the next, and what dies must be noticed.

The pool is driven over its socket, without the rest of the program. Needs an interpreter with pyspark: STOKER_SPARK_PYTHON, else
the project's own, else this one.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from typing import Any, Dict, Iterator, List, Optional

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from spark_pool_client import Connection, Lease, Refused, lease_request

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECKS = ROOT / "tests/data/spark_check.py"


def find_driver() -> Optional[pathlib.Path]:
    named = os.environ.get("STOKER_POOL_DRIVER")
    if named:
        return pathlib.Path(named)
    program = os.environ.get("STOKER_BIN")
    places = [pathlib.Path(program).parents[1]] if program else []
    places += [ROOT / "build" / name / "src" for name in ("release", "dev")] + [ROOT / "build/src"]
    return next((path for place in places if (path := place / "workers/spark_pool_driver").exists()), None)


def find_python() -> Optional[Dict[str, str]]:
    candidates = [os.environ.get("STOKER_SPARK_PYTHON"), str(ROOT / ".venv/bin/python"), sys.executable]
    ask = "import pyspark, json, os; print(json.dumps([os.path.dirname(pyspark.__file__), pyspark.__version__]))"
    for python in candidates:
        if not python or not os.path.exists(python):
            continue
        done = subprocess.run([python, "-c", ask], capture_output=True, text=True)
        if done.returncode == 0:
            home, version = json.loads(done.stdout)
            return {"python": python, "home": home, "version": version}
    return None


DRIVER = find_driver()
SPARK = find_python()
JAVA = shutil.which("java")

pytestmark = [
    pytest.mark.skipif(DRIVER is None, reason="spark_pool_driver is not built"),
    pytest.mark.skipif(SPARK is None, reason="no interpreter with pyspark"),
    pytest.mark.skipif(JAVA is None, reason="no java"),
]


class Pool:
    def __init__(self, folder: pathlib.Path, *arguments: str) -> None:
        self.folder = folder
        self.runtime = folder / "run"
        self.runtime.mkdir(mode=0o700)
        self.socket = self.runtime / "stoker/pool-1.sock"
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=str(self.runtime), XDG_CACHE_HOME=str(folder / "cache"))
        done = subprocess.run(
            [str(DRIVER), "serve", "--no-archive", "--linger", "2s", "--patience", "0s", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def request(self, project: pathlib.Path, **more: Any) -> Dict[str, Any]:
        assert SPARK is not None and JAVA is not None
        project.mkdir(parents=True, exist_ok=True)
        return lease_request(
            project=project,
            python=SPARK["python"],
            spark_home=SPARK["home"],
            java=JAVA,
            python_path=f"{project}:{ROOT / 'python'}",
            **more,
        )

    def lease(self, project: pathlib.Path, **more: Any) -> Lease:
        return Lease(self.socket, self.request(project, **more))

    def ask(self, op: str, **more: Any) -> Dict[str, Any]:
        connection = Connection(self.socket)
        connection.send({"op": op, **more})
        answer = connection.receive()
        connection.close()
        return answer

    def workers(self) -> List[Dict[str, Any]]:
        workers: List[Dict[str, Any]] = self.ask("list")["workers"]
        return workers

    @property
    def pid(self) -> int:
        return int(self.ask("list")["pid"])

    def log(self) -> str:
        return (self.folder / "cache/stoker/workers/pool.log").read_text()

    def wait_for(self, what: Any, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)

    def stop(self) -> None:
        try:
            self.ask("stop", all=True, force=True)
        except OSError:
            return
        self.wait_for(lambda: not self.workers())


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def descendants(leader: int) -> List[int]:
    """Processes of the session that this process leads."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == leader:
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] not in "ZX":
            found.append(int(name))
    return found


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    made = Pool(tmp_path_factory.mktemp("pool"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("project")


SESSION = "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"


def test_nothing_that_a_step_leaves_reaches_the_next(pool: Pool, project: pathlib.Path) -> None:
    first = pool.lease(project, app_name="first")
    first.run(
        SESSION
        + """
assert spark.sparkContext.appName == "first"
spark.range(5).createOrReplaceTempView("leaked")
spark.range(5).createOrReplaceGlobalTempView("leaked")
spark.range(5).cache().count()
spark.conf.set("spark.sql.shuffle.partitions", "77")
spark.sparkContext.setLogLevel("DEBUG")
spark._jvm.java.lang.System.setProperty("spark.sql.shuffle.partitions", "78")
spark._jvm.java.lang.System.setProperty("spark.leaked", "yes")
spark._jvm.java.util.TimeZone.setDefault(spark._jvm.java.util.TimeZone.getTimeZone("Asia/Tokyo"))
spark.readStream.format("rate").load().writeStream.format("noop").start()
"""
    )
    account = first.release()
    assert account["op"] == "released" and account["cpu_ms"] > 0 and account["peak_rss_bytes"] > 0, account
    assert account["jobs"] >= 1, account
    second = pool.lease(project, app_name="second")
    assert second.warm and second.jvm_pid == first.jvm_pid, pool.log()
    assert second.lease_id != first.lease_id
    second.run(
        SESSION
        + """
assert spark.sparkContext.appName == "second"
assert not spark.catalog.tableExists("leaked") and not spark.catalog.tableExists("global_temp.leaked")
assert spark.sparkContext._jsc.getPersistentRDDs().size() == 0
assert spark.conf.get("spark.sql.shuffle.partitions") == "200"
assert spark._jvm.java.lang.System.getProperty("spark.leaked") is None
assert spark.streams.active == []
assert spark._jvm.org.apache.logging.log4j.LogManager.getRootLogger().getLevel().toString() != "DEBUG"
assert spark._jvm.java.util.TimeZone.getDefault().getID() != "Asia/Tokyo"
"""
    )
    second.release()


def test_stop_exit_and_kill_leave_a_jvm_that_works(pool: Pool, project: pathlib.Path) -> None:
    stopped = pool.lease(project)
    stopped.run(SESSION + "spark.range(3).count()\nspark.stop()\n")
    assert stopped.release()["jobs"] is None
    left = pool.lease(project)
    left.run(SESSION + "import sys\nspark.range(3).count()\nsys.exit(7)\n", check=False)
    left.close()  # as when the engine dies
    killed = pool.lease(project)
    assert killed.jvm_pid == stopped.jvm_pid, pool.log()
    process = killed.popen(
        [
            "-u",
            "-c",
            SESSION
            + "print('ready', flush=True)\n"
            + "spark.sparkContext.parallelize(range(2), 2).map(lambda n: __import__('time').sleep(600)).count()",
        ]
    )
    assert process.stdout is not None
    while "ready" not in process.stdout.readline():
        pass
    # The job is under way when its Python workers are; nothing tells it to the outside.
    pool.wait_for(lambda: len(descendants(killed.jvm_pid)) >= 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    began = time.monotonic()
    assert killed.release()["op"] == "released"
    after = pool.lease(project)
    assert after.jvm_pid == stopped.jvm_pid, pool.log()
    out = after.run(
        SESSION + "print('now', spark.sparkContext.statusTracker().getActiveJobsIds(), spark.range(10).count())"
    )
    assert "now [] 10" in out or "now () 10" in out, out
    after.release()
    assert time.monotonic() - began < 60


def test_an_edit_in_a_helper_reaches_the_workers(pool: Pool, project: pathlib.Path) -> None:
    code = SESSION + (
        "import helper\nfrom pyspark.sql.functions import udf\n"
        "print('values', [r[0] for r in spark.range(3).select(udf(helper.grow, 'long')('id')).collect()])\n"
    )
    seen = []
    for factor in (1, 10):
        (project / "helper.py").write_text(f"def grow(value):\n    return value * {factor}\n")
        lease = pool.lease(project)
        assert lease.warm or factor == 1
        seen.append(lease.run(code).strip().splitlines()[-1])
        lease.release()
    assert seen == ["values [0, 1, 2]", "values [0, 10, 20]"]


def test_another_folder_of_the_project(pool: Pool, project: pathlib.Path) -> None:
    base = pool.lease(project)
    base.run(SESSION + "spark.range(3).write.mode('overwrite').parquet('numbers.parquet')")
    base.release()
    deeper = project / "deep er"
    deeper.mkdir(exist_ok=True)
    (deeper / "numbers.csv").write_text("x\n1\n2\n")
    lease = pool.lease(project, cwd=deeper)
    assert lease.jvm_pid == base.jvm_pid, pool.log()
    out = lease.run(
        SESSION
        + """
import os
from pyspark.sql.functions import udf
where = spark.range(1).select(udf(lambda _: os.getcwd(), "string")("id")).first()[0]
assert where == os.getcwd(), where
assert spark.read.csv("numbers.csv", header=True).count() == 2
assert not os.path.exists("numbers.parquet")
spark.range(4).write.parquet("here.parquet")
assert os.path.isdir("here.parquet")
spark.range(2).write.saveAsTable("kept")
assert os.path.isdir("spark-warehouse/kept")
spark.sparkContext.addFile("numbers.csv")
"""
    )
    assert "Error" not in out
    lease.release()
    again = pool.lease(project)
    assert again.jvm_pid == base.jvm_pid, pool.log()
    again.run(SESSION + "assert spark.read.parquet('numbers.parquet').count() == 3")
    again.release()


def test_only_one_who_could_not_tell_gets_the_jvm(pool: Pool, project: pathlib.Path, tmp_path: pathlib.Path) -> None:
    first = pool.lease(project, environment={"AWS_ACCESS_KEY_ID": "one"})
    first.release()
    other = pool.lease(project, environment={"AWS_ACCESS_KEY_ID": "two"})
    assert other.jvm_pid != first.jvm_pid
    other.release()
    elsewhere = pool.lease(tmp_path / "elsewhere")
    assert elsewhere.jvm_pid not in (first.jvm_pid, other.jvm_pid)
    elsewhere.release()
    bigger = pool.lease(project, settings={"driver_memory": "2g"})
    assert not bigger.warm
    assert "-Xmx2048m" in pathlib.Path(f"/proc/{bigger.jvm_pid}/cmdline").read_text()
    assert not any(
        name.startswith("STOKER_") for name in pathlib.Path(f"/proc/{bigger.jvm_pid}/environ").read_text().split("\0")
    )
    bigger.release()


def test_callbacks_of_parallel_leases_stay_apart(pool: Pool, project: pathlib.Path) -> None:
    code = SESSION + (
        "import sys\nname = sys.argv[1]\nspark.range(30).write.mode('overwrite').parquet(name)\nseen = []\n"
        "query = spark.readStream.schema('id long').parquet(name).writeStream.foreachBatch("
        "lambda frame, number: seen.append(frame.count())).trigger(availableNow=True).start()\n"
        "query.awaitTermination()\nprint('seen', sum(seen))\n"
    )
    leases = [pool.lease(project, environment={"NAME": name}) for name in ("a", "b")]
    assert leases[0].jvm_pid != leases[1].jvm_pid
    running = [lease.popen(["-c", code, f"part-{index}"]) for index, lease in enumerate(leases)]
    for process in running:
        out, _ = process.communicate(timeout=300)
        assert out.strip().endswith("seen 30"), out
    for lease in leases:
        lease.release()


def test_progress_and_the_log_of_a_lease(pool: Pool, project: pathlib.Path) -> None:
    logs = [project / "log-1", project / "log-2"]
    stages: List[Dict[str, Any]] = []
    for index, log in enumerate(logs):
        lease = pool.lease(project, log=str(log), progress=True)
        code = SESSION + (
            "import sys, time\nwho = sys.argv[1]\n"
            "def work(n):\n    print('worker of lease', who, file=sys.stderr)\n    time.sleep(0.2)\n    return n\n"
            "spark.sparkContext.parallelize(range(20), 20).map(work).count()"
        )
        process = lease.popen(["-c", code, str(index)])
        process.communicate(timeout=300)
        lease.send({"op": "release"})
        while True:
            message = lease.receive()
            if message["op"] == "released":
                break
            stages += message["stages"]
        lease.close()
    assert any(0 < stage["done"] < stage["total"] == 20 for stage in stages), stages
    for index, log in enumerate(logs):
        text = log.read_text()
        assert f"worker of lease {index}" in text and f"worker of lease {1 - index}" not in text


def test_a_jvm_that_dies_is_reported_and_replaced(pool: Pool, project: pathlib.Path) -> None:
    lease = pool.lease(project)
    os.kill(lease.jvm_pid, signal.SIGKILL)
    message = lease.receive_until("jvm-exited")
    assert "signal 9" in message["status"] and not message["out_of_memory"], message
    lease.close()
    after = pool.lease(project)
    assert after.jvm_pid != lease.jvm_pid and not after.warm
    after.release()


def test_out_of_memory_is_told(pool: Pool, project: pathlib.Path) -> None:
    lease = pool.lease(project, settings={"driver_memory": "512m"})
    lease.run(
        SESSION
        + "hold = spark._jvm.java.util.ArrayList()\nfor i in range(40):\n"
        + "    hold.add(spark._sc._gateway.new_array(spark._jvm.long, 1 << 22))\n",
        check=False,
    )
    message = lease.release() if alive(lease.jvm_pid) else lease.receive_until("jvm-exited")
    # Py4J gives the error to the step and logs nothing; either way the JVM must not be leased again with a full heap.
    if not message["out_of_memory"]:
        pool.wait_for(lambda: not alive(lease.jvm_pid) or all(w["state"] != "cleaning" for w in pool.workers()))
    after = pool.lease(project, settings={"driver_memory": "512m"})
    after.run(SESSION + "spark.range(1000).selectExpr('sum(id)').collect()")
    after.release()


def test_an_out_of_memory_in_a_task_is_classified(pool: Pool, project: pathlib.Path) -> None:
    lease = pool.lease(project, settings={"driver_memory": "512m"}, log=str(project / "oom.log"))
    out = lease.run(
        SESSION + 'spark.range(1, 2).selectExpr("length(repeat(string(id), 480000000))").collect()', check=False
    )
    lease.send({"op": "release"})
    message = lease.receive_until("released", "jvm-exited")
    log = (project / "oom.log").read_text()
    assert message["out_of_memory"], (message, out[-1000:], log[-2000:])
    lease.close()


def test_a_hive_catalog_ends_its_jvm(pool: Pool, project: pathlib.Path) -> None:
    lease = pool.lease(project, environment={"NAME": "hive"}, defaults={"spark.sql.catalogImplementation": "hive"})
    lease.run(SESSION + "assert spark.conf.get('spark.sql.catalogImplementation') == 'hive'")
    lease.release()
    pool.wait_for(lambda: not alive(lease.jvm_pid))


def test_processes_left_behind_end_with_the_jvm(pool: Pool, project: pathlib.Path) -> None:
    lease = pool.lease(project, environment={"NAME": "leftover"})
    out = lease.run(
        SESSION
        + "builder = spark._jvm.java.lang.ProcessBuilder(['sleep', '600'])\nprint('left', builder.start().pid())\n"
    )
    left = int(out.split("left")[1])
    assert alive(left)
    lease.release()
    pool.wait_for(lambda: not alive(lease.jvm_pid) and not alive(left))


def test_refusals_have_a_reason(pool: Pool, project: pathlib.Path, tmp_path: pathlib.Path) -> None:
    request = pool.request(project)
    request["key"]["spark_home"] = str(tmp_path)
    with pytest.raises(Refused, match="no spark-core jar"):
        Lease(pool.socket, request)
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars/spark-core_2.13-9.9.9.jar").write_text("")
    with pytest.raises(Refused, match=r"Spark 9\.9\.9 is not known"):
        Lease(pool.socket, request)
    request = pool.request(project)
    request["key"]["java"] = "/nowhere/java"
    with pytest.raises(Refused, match="no Java at"):
        Lease(pool.socket, request)


def test_limits_recycling_and_the_end_of_the_pool(tmp_path: pathlib.Path) -> None:
    pool = Pool(tmp_path, "--max-jvms", "1", "--leases", "2", "--idle", "3s")
    project = tmp_path / "project"
    first = pool.lease(project)
    waiting = Connection(pool.socket)
    waiting.send(pool.request(project))
    assert waiting.receive()["op"] == "queued"
    assert len(pool.workers()) == 1
    first.release()
    second = waiting.receive_until("leased")
    assert second["warm"] and second["jvm_pid"] == first.jvm_pid
    waiting.close()
    pool.wait_for(lambda: not alive(first.jvm_pid))  # its second lease was its last
    third = pool.lease(project)
    assert not third.warm
    pid = pool.pid
    third.release()
    pool.wait_for(lambda: not alive(third.jvm_pid))  # idle
    until = time.monotonic() + 60
    while alive(pid):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert not pool.socket.exists()


def test_jvms_end_with_a_pool_that_is_killed(tmp_path: pathlib.Path) -> None:
    pool = Pool(tmp_path)
    lease = pool.lease(tmp_path / "project")
    os.kill(pool.pid, signal.SIGKILL)
    until = time.monotonic() + 60
    while alive(lease.jvm_pid):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_the_31_points_twice_on_one_jvm(pool: Pool, project: pathlib.Path) -> None:
    pids = set()
    for who in ("one", "two"):
        lease = pool.lease(project, environment={"NAME": "check"})
        pids.add(lease.jvm_pid)
        process = lease.popen([str(CHECKS), who])
        out, _ = process.communicate(timeout=600)
        lines = out.splitlines()
        assert not [line for line in lines if line.startswith("FAILED")], out[-4000:]
        assert len([line for line in lines if line.startswith(("ok ", "absent "))]) == 31, out[-4000:]
        lease.release()
    assert len(pids) == 1, pool.log()
