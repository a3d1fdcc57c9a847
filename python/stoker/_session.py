"""The session of a Spark step that is called outside a run: the active one, or a new local one."""

from typing import Any, Dict, Optional

from stoker._options import Spark

_NAMES = {
    "executorCores": "spark.executor.cores",
    "executorMemory": "spark.executor.memory",
    "driverCores": "spark.driver.cores",
    "driverMemory": "spark.driver.memory",
    "executors": "spark.executor.instances",
}


def local_session(spark: Optional[Spark]) -> Any:
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    settings: Dict[str, Any] = dict(spark.to_document()) if spark is not None else {}
    builder = SparkSession.builder.master(settings.get("master", "local[*]")).appName("stoker")
    for name, key in _NAMES.items():
        if name in settings:
            builder = builder.config(key, str(settings[name]))
    for name, key in (("packages", "spark.jars.packages"), ("jars", "spark.jars")):
        if name in settings:
            builder = builder.config(key, ",".join(settings[name]))
    for key, value in settings.get("conf", {}).items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
