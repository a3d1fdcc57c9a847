"""Random command lines, given to the real spark-submit of the installed pyspark and to ours: the same objects, or both refuse.

    STOKER_DIFFERENTIAL_CASES=300 STOKER_DIFFERENTIAL_SEED=$(date +%s) pytest tests/integration/test_spark_submit_differential.py

Without a seed the cases are the same in every run. The seed is printed with each case that differs; what the real one sent
is compared by `spark_test`, as the goldens are.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Any

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests/fakes"))
sys.path.insert(0, str(ROOT / "tests/data/spark"))
from random_cases import random_case
from recording_api_server import RecordingServer

CASES = int(os.environ.get("STOKER_DIFFERENTIAL_CASES", "12"))
COMPARISON = pathlib.Path(os.environ.get("STOKER_SPARK_TEST", ROOT / "build/dev/src/spark/spark_test"))
# What the records have, whatever it was in this run.
RECORDED_WORK = "${WORK}"
RECORDED_API = "http://127.0.0.1:16443"
# Shortens the JVM's start, and changes no request.
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def spark_home() -> pathlib.Path:
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        pytest.skip("pyspark is not installed")
    return pathlib.Path(found.origin).parent


def spark_version(home: pathlib.Path) -> str:
    return next(re.findall(r"spark-core_[\d.]+-(.+)\.jar", jar.name)[0] for jar in (home / "jars").glob("spark-core_*"))


def placed(text: str, work: pathlib.Path, port: int) -> str:
    return text.replace("${MASTER}", f"k8s://http://127.0.0.1:{port}").replace("${WORK}", str(work))


def run_real(case: dict[str, Any], home: pathlib.Path, work: pathlib.Path) -> dict[str, Any]:
    """The case as a line of the goldens: what tests/data/spark/import_goldens.py writes."""
    (work / "conf").mkdir(parents=True)
    for name, content in case["files"].items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(content)
    for folder in case["dirs"]:
        (work / folder).mkdir()
    known = {"SPARK_CONF_DIR": "${WORK}/conf", "SPARK_USER": "stoker", "KUBECONFIG": "/dev/null", **case["env"]}
    with RecordingServer() as server:
        environment = {name: placed(value, work, server.port) for name, value in known.items()}
        machine = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
        own = {
            "SPARK_HOME": str(home),
            "SPARK_SUBMIT_OPTS": QUICK,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "HOME": str(work),
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            [str(home / "bin/spark-submit"), *(placed(word, work, server.port) for word in case["argv"])],
            cwd=work, env={**machine, **own, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        text = json.dumps(server.written, ensure_ascii=False)
        text = text.replace(str(work), RECORDED_WORK).replace(f"http://127.0.0.1:{server.port}", RECORDED_API)
        text = text.replace(f"http\\\\://127.0.0.1\\\\:{server.port}", RECORDED_API.replace(":", "\\\\:"))
    return {
        **case, "env": known, "exit_code": done.returncode, "objects": json.loads(text), "drawn": drawn(json.loads(text)),
        "stderr": done.stderr[-2000:],
    }  # fmt: skip


def drawn(objects: list[dict[str, Any]]) -> dict[str, str]:
    """What the real one drew anew, so that ours can be given the same."""
    found: dict[str, str] = {}
    for each in objects:
        name, text = each["metadata"]["name"], json.dumps(each)
        if each["kind"] == "Pod":
            found["driver_pod_name"] = name
            found["app_id"] = each["metadata"]["labels"]["spark-app-selector"]
            folder = re.search(r"/var/data/spark-([0-9a-f-]{36})", text)
            if folder:
                found["local_dir_uuid"] = folder.group(1)
        if each["kind"] == "Service":
            found["service_name"] = name
        if name.endswith("-conf-map") and name.startswith("spark-drv-"):
            found["conf_map_name"] = name
        if each["kind"] == "ConfigMap" and "spark.properties" in each["data"]:
            found["submit_time"] = re.findall(r"(?m)^spark\.app\.submitTime=(\d+)$", each["data"]["spark.properties"])[
                0
            ]
    suffix = re.fullmatch(r".*-([0-9a-f]{15,17})-driver", found.get("driver_pod_name", ""))
    if suffix:
        found["name_suffix"] = suffix.group(1)
    return found


def test_random_command_lines_come_to_the_same(tmp_path: pathlib.Path) -> None:
    home = spark_home()
    seed = int(os.environ.get("STOKER_DIFFERENTIAL_SEED", "1"))
    assert COMPARISON.exists(), f"{COMPARISON} is missing; build it: cmake --build build/dev --target spark_test"
    lines = []
    for number in range(seed, seed + CASES):
        record = run_real(random_case(number), home, tmp_path / str(number))
        lines.append(json.dumps({"case": f"seed-{number}", "about": "random", **record}, ensure_ascii=False))
    goldens = tmp_path / "goldens"
    goldens.mkdir()
    (goldens / f"{spark_version(home)}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    compared = subprocess.run(
        [str(COMPARISON), "--gtest_filter=Goldens.AreTheSame*", "--gtest_brief=1"],
        env={**os.environ, "STOKER_SPARK_GOLDENS": str(goldens)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert compared.returncode == 0, f"seed {seed}\n{compared.stdout}{compared.stderr}"
