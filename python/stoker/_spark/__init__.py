"""The Spark session of a step: made by the ordinary `getOrCreate`, in a JVM that the engine leased
(PYSPARK_GATEWAY_PORT) or one of its own.

Imports pyspark only when asked for a session. Python 3.8.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from typing import Any, Collection, Dict, List, Optional, Set

DEFAULT_MASTER = "local[*]"
# What a cold JVM of a local step starts with, unless the step says otherwise: the UI and the bar belong to nobody here.
_LOCAL_DEFAULTS = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
# Keys of the pipeline document's session -> Spark properties.
_RESOURCES = {
    "executors": "spark.executor.instances",
    "executorMemory": "spark.executor.memory",
    "executorCores": "spark.executor.cores",
    "driverMemory": "spark.driver.memory",
    "driverCores": "spark.driver.cores",
    "packages": "spark.jars.packages",
    "jars": "spark.jars",
    "pyFiles": "spark.submit.pyFiles",
    "repositories": "spark.jars.repositories",
}
# A cold JVM's start and first jobs cost half with these; the heavy profile (long computations) keeps Java's defaults.
_QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"
# Without a JVM of its own these were decided when the leased one started.
_FIXED_AT_START = (
    "spark.driver.memory",
    "spark.driver.extraJavaOptions",
    "spark.driver.extraClassPath",
    "spark.jars",
    "spark.jars.packages",
    "spark.jars.repositories",
)


class SparkUnavailable(RuntimeError):
    """No session can be made: pyspark or Java is missing, or the JVM did not start."""


def leased() -> bool:
    """Whether the engine lent this process a JVM."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def session_conf(settings: Dict[str, Any], app_name: str, *, leased_jvm: bool) -> Dict[str, str]:
    """Spark properties of a step's session settings. `conf` wins over everything, being what the user wrote in Spark's
    own words."""
    master = str(settings.get("master") or DEFAULT_MASTER)
    conf = {"spark.master": master, "spark.app.name": str(settings.get("appName") or app_name)}
    if master.startswith("local"):
        conf.update(_LOCAL_DEFAULTS)
    for key, name in _RESOURCES.items():
        value = settings.get(key)
        if value not in (None, "", [], ()):
            conf[name] = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    conf.update({str(key): _text(value) for key, value in (settings.get("conf") or {}).items()})
    if master.startswith("local") and settings.get("profile") != "heavy":
        conf.setdefault("spark.driver.extraJavaOptions", _QUICK_JAVA)
    if leased_jvm:
        for name in _FIXED_AT_START:
            conf.pop(name, None)
    return conf


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_settings: Dict[str, Any] = {}
_app_name = "stoker"
_root = ""


def configure(settings: Optional[Dict[str, Any]], app_name: str, root: str = "") -> None:
    """Remember what a session of this process is to be; it is made when it is needed. `root`: where the modules are that
    functions in Spark's Python workers (UDFs) import."""
    global _settings, _app_name, _root
    _settings, _app_name, _root = dict(settings or {}), app_name, root


def active_session() -> Optional[Any]:
    """The live session of this process, without importing pyspark or starting anything."""
    module = sys.modules.get("pyspark.sql.session") or sys.modules.get("pyspark.sql")
    if module is None:
        return None
    session = module.SparkSession._instantiatedSession
    if session is None or session._sc is None or session._sc._jsc is None:
        return None
    return session


def create_session(settings: Optional[Dict[str, Any]] = None, app_name: str = "stoker") -> Any:
    """A session by the ordinary `getOrCreate`. SparkUnavailable says what is missing."""
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyspark":
            raise
        raise SparkUnavailable(f"pyspark is not installed for {sys.executable}: pip install pyspark") from None
    builder: Any = SparkSession.builder
    for key, value in session_conf(settings or {}, app_name, leased_jvm=leased()).items():
        builder = builder.config(key, value)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    if _root and not leased():  # the JVM inherits it, and its Python workers do
        os.environ["PYTHONPATH"] = _with_root(os.environ.get("PYTHONPATH", ""))
    try:
        session = builder.getOrCreate()
        if _root:
            environment = session.sparkContext.environment
            environment["PYTHONPATH"] = _with_root(environment.get("PYTHONPATH", ""))
        _watch_functions()
        return session
    except Exception as error:
        if type(error).__name__ == "PySparkRuntimeError" and "JAVA_GATEWAY_EXITED" in str(error):
            raise SparkUnavailable(
                "the JVM did not start: is a Java 17 installed, or JAVA_HOME set? The log has Java's words"
            ) from error
        if isinstance(error, FileNotFoundError):
            raise SparkUnavailable(f"the JVM did not start: {error}") from error
        raise


_functions_sent = False


def functions_sent() -> bool:
    """Whether the step gave Spark functions (UDFs, RDD functions), whose modules Spark's Python workers import by name."""
    return _functions_sent


def _watch_functions() -> None:
    """pyspark 3.5 to 4.x pickles them, as a tuple that begins with the function, with this serializer."""
    from pyspark.serializers import CloudPickleSerializer

    plain: Any = CloudPickleSerializer.dumps
    if hasattr(plain, "_stoker_wrapped"):
        return

    def dumps(self: Any, value: Any) -> Any:
        global _functions_sent
        if isinstance(value, tuple) and value and callable(value[0]):
            _functions_sent = True
        return plain(self, value)

    dumps._stoker_wrapped = True  # type: ignore[attr-defined]
    CloudPickleSerializer.dumps = dumps  # type: ignore[method-assign, unused-ignore]


def _with_root(path: str) -> str:
    entries = [entry for entry in path.split(os.pathsep) if entry]
    return os.pathsep.join(entries if _root in entries else [_root, *entries])


def session_for_step() -> Any:
    return active_session() or create_session(_settings, _app_name)


def session_for_loading() -> Any:
    """The session that an artifact is loaded with: the live one, else a new local one."""
    return session_for_step()


# --- cancelling -----------------------------------------------------------------------------------------------------
# ----------------

_CANCEL_SECONDS = 3.0


def set_job_group(session: Any, group: str, description: str) -> None:
    context = getattr(session, "_sc", None)
    if context is not None:
        context.setJobGroup(group, description, True)


def cancel_jobs(group: str) -> None:
    """Cancel the step's jobs, waiting for at most a few seconds. For signal handlers: the calls go through a connection
    of their own,
    since the interrupted one may be in the middle of an answer."""
    session = active_session()
    if session is None:
        return
    java = session._sc._jsc

    def cancel() -> None:
        try:
            java.sc().cancelJobGroup(group)
            # The JVM is this attempt's alone: jobs of groups that the user's code set itself go too.
            java.sc().cancelAllJobs()
        except Exception:
            pass

    thread = threading.Thread(target=cancel, name="stoker-cancel", daemon=True)
    thread.start()
    thread.join(_CANCEL_SECONDS)


def stop_if_ours() -> None:
    """End the session of a JVM that this process started. A leased JVM is cleaned by its owner, who does it after
    crashes too."""
    session = active_session()
    if session is not None and not leased():
        try:
            session.stop()
        except Exception:
            pass


# --- what was read
# ------------------------------------------------------------------------------------------------------------------

_LOCATION = re.compile(r"^Location: \S+(?: ?\(\d+ paths?\))? ?\[(.*)\]\s*$", re.MULTILINE)
_MORE = re.compile(r",? ?\.\.\. \d+ entries$")
_RELATION = re.compile(r"Scan (JDBCRelation\([^)]*\)|[A-Za-z]+Relation\S*)")
_BATCH_SCAN = re.compile(r"^(?:\(\d+\) )?BatchScan (\S+)", re.MULTILINE)
# A node of the plan with its details, and the table that it scans.
_NODE = re.compile(r"^(?=\(\d+\) )", re.MULTILINE)
_SCANNED_TABLE = re.compile(r"\(\d+\) (?:Scan \S+|BatchScan) (\S+)")
_LOGICAL_EXECUTIONS = 1000
_NO_DATA = ("ExistingRDD", "OneRowRelation")


def reads(tables: Collection[str] = ()) -> List[str]:
    """URIs and names of what the session's finished queries scanned, out of their plans, but for these tables. Empty
    when there is no session."""
    session = active_session()
    if session is None or getattr(session, "_jsparkSession", None) is None:
        return []
    found: Set[str] = set()
    try:
        executions = session._jsparkSession.sharedState().statusStore().executionsList()
        for index in range(min(executions.size(), _LOGICAL_EXECUTIONS)):
            found.update(reads_of_plan(executions.apply(index).physicalPlanDescription(), tables))
    except Exception:  # a stopped context, or a JVM that is gone
        pass
    return sorted(found)


def reads_of_plan(description: str, tables: Collection[str] = ()) -> Set[str]:
    found: Set[str] = set()
    if tables:
        description = "".join(part for part in _NODE.split(description) if not _scans(part, tables))
    for match in _LOCATION.finditer(description):
        listed = match.group(1)
        shorter = _MORE.sub("", listed)
        if shorter != listed:
            found.add(listed)  # cut by Spark: kept as it is, so that it equals no input
        found.update(path.strip() for path in shorter.split(", ") if path.strip())
    for match in _RELATION.finditer(description):
        if not match.group(1).startswith(_NO_DATA):
            found.add(match.group(1))
    found.update(match.group(1) for match in _BATCH_SCAN.finditer(description))
    return found


def _scans(node: str, tables: Collection[str]) -> bool:
    """Whether the node scans one of the tables: Spark names it in full, people leave out catalog or database."""
    match = _SCANNED_TABLE.match(node)
    scanned = "." + match.group(1).replace("`", "") if match else ""
    return any(scanned.endswith("." + table.replace("`", "")) for table in tables)
