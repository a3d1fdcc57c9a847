"""The scenario `submit`: one submission of a plain application, by Stoker and by the real spark-submit, to the same server.

The server is tests/fakes/recording_api_server.py in a thread of the measuring program, which is not counted itself.
"""

from __future__ import annotations

import functools
import pathlib
import sys
from typing import Dict, List

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/fakes"))

from recording_api_server import RecordingServer

# What a JVM that lives for two seconds is told by who cares: no second compiler, no parallel collector.
TUNED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@functools.cache
def server() -> RecordingServer:
    return RecordingServer()


@functools.cache
def serve() -> None:
    server().__enter__()  # until the program ends


def prepare(_environment: Dict[str, str], _number: int) -> None:
    serve()


def words() -> List[str]:
    return ["--master", f"k8s://http://127.0.0.1:{server().port}", "--deploy-mode", "cluster", "--name", "pi",
            "--conf", "spark.kubernetes.container.image=apache/spark:4.0.1",
            "--conf", "spark.kubernetes.submission.waitAppCompletion=false",
            "--class", "org.apache.spark.examples.SparkPi", "local:///opt/spark/examples/pi.jar", "1000"]  # fmt: skip
