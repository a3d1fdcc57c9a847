"""What every golden case comes to is accepted by a real API server, or refused for the reason that the case is about."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
from typing import Optional

from cluster import pod_groups
from cluster.client import ApiError, Object
from cluster.control_plane import ControlPlane
from conftest import ROOT

PLANNER = ROOT / "build/dev/src/spark/spark_test"
PLURALS = {"Pod": "pods", "ConfigMap": "configmaps", "Secret": "secrets", "Service": "services",
           "PersistentVolumeClaim": "persistentvolumeclaims", "NetworkPolicy": "networkpolicies",
           "PodGroup": "podgroups"}  # fmt: skip
# What spark-submit sends too, and no API server takes.
REFUSED = {
    ("bad-pod-name", "Pod"): "a lowercase RFC 1123 subdomain must consist of",
    ("labels-annotations", "Pod"): "a valid label must be",  # {{APP_ID}} in a label, before Spark 4.0
    ("labels-annotations", "Service"): "a valid label must be",
    ("ip-families", "Service"): "not configured on this cluster",
}
# Of the cases' templates.
PRIORITY_CLASSES = {"batch-high": 1, "p": 10}


def planned(path: pathlib.Path) -> list[Object]:
    subprocess.run([str(PLANNER), "--gtest_filter=Goldens.AreTheSame*", "--gtest_brief=1"], check=True,
                   stdout=subprocess.DEVNULL, env={**os.environ, "STOKER_PLANNED_OBJECTS": str(path)})  # fmt: skip
    return [json.loads(line) for line in path.read_text().splitlines()]


def refusal(plane: ControlPlane, namespace: str, document: Object) -> Optional[str]:
    meta = {name: value for name, value in document["metadata"].items() if name != "namespace"}
    group = document["apiVersion"]
    root = f"/api/{group}" if "/" not in group else f"/apis/{group}"
    try:
        plane.client().create(
            f"{root}/namespaces/{namespace}/{PLURALS[document['kind']]}?dryRun=All", {**document, "metadata": meta}
        )
    except ApiError as error:
        return error.message
    return None


def test_every_object_is_accepted(control_plane: ControlPlane, namespace: str, tmp_path: pathlib.Path) -> None:
    for name, value in PRIORITY_CLASSES.items():
        with contextlib.suppress(ApiError):  # another session's, on the same control plane
            control_plane.client().create(
                "/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": name}, "value": value}
            )
    pod_groups.install(control_plane.client())
    rows = planned(tmp_path / "objects.jsonl")
    assert len(rows) > 800
    assert {row["object"]["kind"] for row in rows} == set(PLURALS)
    seen = set()
    wrong = []
    for row in rows:
        said = refusal(control_plane, namespace, row["object"])
        words = REFUSED.get((row["case"], row["object"]["kind"]))
        if words is not None and said is not None and words in said:
            seen.add((row["case"], row["object"]["kind"]))
        elif said is not None:
            wrong.append(f"{row['version']} {row['case']} {row['object']['kind']}: {said}")
    assert not wrong, "\n".join(wrong)
    assert seen == set(REFUSED)
