"""Somebody who submits: for the tests of `stoker submit` on a real API server, with the node played by the test."""

from __future__ import annotations

import datetime
import pathlib
import subprocess
import threading
from typing import Any, Iterator

import pytest
from cluster.client import Client, Object
from cluster.control_plane import ControlPlane
from cluster.kubelet import FakeKubelet
from conftest import Outcome, Stoker

PI = "local:///opt/spark/examples/src/main/python/pi.py"
SECONDS = 60
# What a submission may be made of, and where each kind lives.
KINDS = {"configmaps": "/api/v1", "secrets": "/api/v1", "services": "/api/v1", "persistentvolumeclaims": "/api/v1", "pods": "/api/v1",
         "networkpolicies": "/apis/networking.k8s.io/v1"}  # fmt: skip
CLAIM = "spark.kubernetes.driver.volumes.persistentVolumeClaim.data."
# For a plan that has one of each kind. Spark 4.2 is the first to plan a NetworkPolicy.
ONE_OF_EACH = ("--spark-version", "4.2.0", "--conf", "spark.kubernetes.authenticate.driver.oauthToken=t-1",
               "--conf", f"{CLAIM}options.claimName=OnDemand", "--conf", f"{CLAIM}options.storageClass=fast",
               "--conf", f"{CLAIM}options.sizeLimit=1Gi", "--conf", f"{CLAIM}mount.path=/data")  # fmt: skip


class Submission:
    """A `stoker submit` that runs, and its driver."""

    def __init__(self, process: subprocess.Popen[str], kubelet: FakeKubelet, namespace: str) -> None:
        self.process = process
        self.kubelet = kubelet
        self.namespace = namespace

    def driver(self) -> Object:
        return self.kubelet.appears(self.namespace, "spark-role=driver")

    def says(self, words: str) -> str:
        """Waits for a line of standard error with these words."""
        assert self.process.stderr
        seen = ""
        limit = threading.Timer(SECONDS, self.process.kill)
        limit.start()
        try:
            for line in self.process.stderr:
                seen += line
                if words in line:
                    return line
        finally:
            limit.cancel()
        raise AssertionError(f"never said {words!r}: {seen}")

    def ends(self) -> Outcome:
        out, err = self.process.communicate(timeout=SECONDS)
        return Outcome(self.process.returncode, out, err)


class Team:
    """Somebody with a namespace, a kubeconfig and a node."""

    def __init__(self, stoker: Stoker, plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
        self.stoker, self.plane, self.namespace, self.kubelet = stoker, plane, namespace, kubelet
        self.api: Client = plane.client()
        self.started: list[Submission] = []
        stoker.environment["KUBECONFIG"] = str(plane.kubeconfig())

    def words(self, *more: str, master: str = "") -> list[str]:
        return ["submit", "--master", f"k8s://{master or self.plane.server}", "--deploy-mode", "cluster", "--name", "pi",
                "--conf", "spark.kubernetes.container.image=spark:3.5.7",
                "--conf", f"spark.kubernetes.namespace={self.namespace}", *more, PI]  # fmt: skip

    def start(self, *more: str, master: str = "", **options: Any) -> Submission:
        process = self.stoker.start(*self.words(*more, master=master), **options)
        self.started.append(Submission(process, self.kubelet, self.namespace))
        return self.started[-1]

    def submit(self, *more: str, master: str = "") -> Outcome:
        return self.stoker(*self.words(*more, master=master))

    def list(self, plural: str, **query: Any) -> list[Object]:
        return list(self.api.get(f"{KINDS[plural]}/namespaces/{self.namespace}/{plural}", **query)["items"])

    def objects(self) -> dict[str, Object]:
        """Those of submissions that are there, by kind and uid. Claims that are deleted stay for a controller, which this control plane has not."""
        return {f"{plural}/{each['metadata']['uid']}": each for plural in KINDS
                for each in self.list(plural, labelSelector="stoker.dev/submission")
                if "deletionTimestamp" not in each["metadata"]}  # fmt: skip

    def ours(self) -> list[str]:
        """The same by their names."""
        return [f"{key.split('/')[0]}/{each['metadata']['name']}" for key, each in self.objects().items()]

    def collect_garbage(self) -> None:
        """As the controller does, which this control plane has not: what hangs on nothing that is there goes."""
        objects = self.objects()
        there = {each["metadata"]["uid"] for each in objects.values()}
        for key, each in objects.items():
            owners = each["metadata"].get("ownerReferences", [])
            if owners and not any(owner["uid"] in there for owner in owners):
                plural = key.split("/")[0]
                self.api.delete(f"{KINDS[plural]}/namespaces/{self.namespace}/{plural}/{each['metadata']['name']}")

    def let_time_pass(self) -> None:
        """The creation deadline of each unfinished submission lies in the past now."""
        past = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )
        for anchor in self.list("configmaps", labelSelector="stoker.dev/unfinished"):
            path = f"/api/v1/namespaces/{self.namespace}/configmaps/{anchor['metadata']['name']}"
            self.api.patch(path, {"metadata": {"annotations": {"stoker.dev/creation-deadline": past}}})


@pytest.fixture
def team(stoker: Stoker, control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> Iterator[Team]:
    team = Team(stoker, control_plane, namespace, kubelet)
    yield team
    for submission in team.started:  # of a test that failed
        submission.process.kill()
        submission.process.wait()


@pytest.fixture
def real(stoker: Stoker, tmp_path: pathlib.Path) -> pathlib.Path:
    """A SPARK_HOME whose spark-submit says what it was given, and ends as spark-submit may."""
    script = tmp_path / "spark/bin/spark-submit"
    script.parent.mkdir(parents=True)
    script.write_text('#!/bin/sh\nfor word in "$@"; do echo "[$word]"; done\nexit 41\n')
    script.chmod(0o755)
    stoker.environment["SPARK_HOME"] = str(tmp_path / "spark")
    return script
