"""The control plane and the node that other tests stand on: what they promise, kept."""

from __future__ import annotations

import contextlib
import os
import pathlib
import queue
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from cluster import assets
from cluster.client import ApiError, Object
from cluster.control_plane import ControlPlane, shared
from cluster.kubelet import FakeKubelet, Pod, path_of
from conftest import ROOT

LIST_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
SECONDS = 60


def create(plane: ControlPlane, namespace: str, *containers: str, **spec: Any) -> Object:
    names = containers or ("main",)
    pod = {
        "metadata": {"generateName": "pod-", "labels": {"made-by": "test"}},
        "spec": {
            "containers": [{"name": name, "image": "example.test/image:1"} for name in names],
            "restartPolicy": "Never",
            **spec,
        },
    }
    return plane.client().create(f"/api/v1/namespaces/{namespace}/pods", pod)


def logs(plane: ControlPlane, pod: Pod, **query: Any) -> str:
    return plane.client().text(path_of(pod) + "/log", **query)


def events(plane: ControlPlane, pod: Object) -> list[Object]:
    meta = pod["metadata"]
    found = plane.client().get(
        f"/api/v1/namespaces/{meta['namespace']}/events", fieldSelector=f"involvedObject.uid={meta['uid']}"
    )
    return list(found["items"])


def conditions(pod: Object) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each.get("reason", "")) for each in pod["status"]["conditions"]}


class Follower:
    """A follower of a pod's log, line by line; None is the end of it."""

    def __init__(self, plane: ControlPlane, pod: Pod, **query: Any) -> None:
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._answer = plane.client().open("GET", path_of(pod) + "/log", follow="true", **query)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError), self._answer:
            for line in self._answer:
                self._lines.put(line)
        self._lines.put(None)

    def next(self) -> bytes | None:
        return self._lines.get(timeout=SECONDS)


def test_life_of_a_pod(control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
    pod = create(control_plane, namespace)
    assert pod["status"]["phase"] == "Pending"
    bound = kubelet.bind(pod)
    assert bound["spec"]["nodeName"] == kubelet.name
    assert conditions(bound)["PodScheduled"] == ("True", "")
    creating = kubelet.waiting(pod)
    assert creating["status"]["phase"] == "Pending"
    assert conditions(creating)["Ready"] == ("False", "ContainersNotReady")
    running = kubelet.run(pod)
    assert running["status"]["phase"] == "Running"
    assert conditions(running)["Ready"] == ("True", "")
    assert running["status"]["containerStatuses"][0]["state"].keys() == {"running"}
    failed = kubelet.finish(pod, 3)
    assert failed["status"]["phase"] == "Failed"
    ended = failed["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    assert conditions(failed)["Ready"] == ("False", "PodFailed")


def test_success_and_memory(control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
    well, killed = create(control_plane, namespace), create(control_plane, namespace)
    kubelet.run(well)
    kubelet.run(killed)
    assert conditions(kubelet.finish(well))["Initialized"] == ("True", "PodCompleted")
    ended = kubelet.finish(killed, 137, signal=9, reason="OOMKilled")["status"]["containerStatuses"][0]["state"][
        "terminated"
    ]
    assert (ended["exitCode"], ended["signal"], ended["reason"]) == (137, 9, "OOMKilled")


def test_pod_ends_with_its_last_container(control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
    initial = [{"name": "first", "image": "example.test/image:1"}]
    pod = create(control_plane, namespace, "main", "sidecar", initContainers=initial)
    running = kubelet.run(pod)
    assert running["status"]["initContainerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"
    assert kubelet.finish(pod, container="main")["status"]["phase"] == "Running"
    assert kubelet.finish(pod, 1, container="sidecar")["status"]["phase"] == "Failed"


def test_log_is_followed_through_the_server(control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
    pod = create(control_plane, namespace)
    kubelet.run(pod)
    kubelet.log(pod, "before\n")
    follower = Follower(control_plane, pod)
    assert follower.next() == b"before\n"
    kubelet.log(pod, "while ")
    kubelet.log(pod, "it runs\nand more\n")
    assert [follower.next(), follower.next()] == [b"while it runs\n", b"and more\n"]
    kubelet.log(pod, "no newline")
    kubelet.finish(pod)
    assert [follower.next(), follower.next()] == [b"no newline", None]
    assert logs(control_plane, pod) == "before\nwhile it runs\nand more\nno newline"


def test_parts_of_a_log(control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
    pod = create(control_plane, namespace)
    kubelet.run(pod)
    kubelet.log(pod, "one\ntwo\nthree\n")
    assert logs(control_plane, pod, tailLines=2) == "two\nthree\n"
    assert logs(control_plane, pod, limitBytes=5) == "one\nt"
    assert logs(control_plane, pod, sinceSeconds=3600) == "one\ntwo\nthree\n"
    assert logs(control_plane, pod, sinceTime="2000-01-01T00:00:00Z") == "one\ntwo\nthree\n"
    assert logs(control_plane, pod, sinceTime="2999-01-01T00:00:00Z") == ""
    stamp, _, line = logs(control_plane, pod, timestamps="true", tailLines=1).partition(" ")
    assert line == "three\n"
    assert len(stamp) == len("2000-01-01T00:00:00.000000000Z")
    assert logs(control_plane, pod, sinceTime=stamp).endswith("three\n")


def test_log_before_and_after_a_restart(control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
    pod = create(control_plane, namespace)
    kubelet.run(pod)
    kubelet.log(pod, "first\n")
    with pytest.raises(ApiError, match=r"previous terminated container .* not found"):
        logs(control_plane, pod, previous="true")
    status = kubelet.restart(pod)["status"]["containerStatuses"][0]
    assert (status["restartCount"], status["lastState"]["terminated"]["exitCode"]) == (1, 1)
    kubelet.log(pod, "second\n")
    assert logs(control_plane, pod, previous="true") == "first\n"
    assert logs(control_plane, pod) == "second\n"


def test_no_log_yet(control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
    pod = create(control_plane, namespace)
    assert logs(control_plane, pod) == ""  # bound to no node, there is nobody to ask
    kubelet.waiting(pod, "ImagePullBackOff", "Back-off pulling image")
    with pytest.raises(ApiError, match="trying and failing to pull image") as refused:
        logs(control_plane, pod)
    assert (refused.value.code, refused.value.reason) == (400, "BadRequest")


def test_log_breaks_with_its_kubelet(control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
    pod = create(control_plane, namespace)
    kubelet.run(pod)
    kubelet.log(pod, "one\n")
    follower = Follower(control_plane, pod)
    assert follower.next() == b"one\n"
    kubelet.cut_logs()
    assert follower.next() is None
    assert logs(control_plane, pod) == "one\n"
    kubelet.disconnect()
    with pytest.raises(ApiError, match="connection refused") as refused:
        logs(control_plane, pod)
    assert refused.value.code == 500


def test_events_are_those_of_scheduler_and_kubelet(
    control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet
) -> None:
    pod = create(control_plane, namespace)
    kubelet.unschedulable(pod, "0/1 nodes are available: 1 Insufficient cpu.")
    kubelet.waiting(pod, "ErrImagePull", "not found")
    kubelet.event(pod, "BackOff", "again", "Warning")
    kubelet.event(pod, "BackOff", "again", "Warning")
    found = {(each["reason"], each["message"]): each for each in events(control_plane, pod)}
    unschedulable = found["FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu."]
    assert unschedulable["reportingComponent"] == "default-scheduler"
    assert unschedulable["eventTime"] and unschedulable["lastTimestamp"] is None
    assert ("Scheduled", f"Successfully assigned {namespace}/{pod['metadata']['name']} to {kubelet.name}") in found
    pull = found["Failed", 'Failed to pull image "example.test/image:1": not found']
    assert (pull["type"], pull["source"]["component"], pull["count"]) == ("Warning", "kubelet", 1)
    assert pull["involvedObject"]["fieldPath"] == "spec.containers{main}"
    assert found["BackOff", "again"]["count"] == 2


def test_unschedulable_then_bound(control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
    pod = create(control_plane, namespace)
    assert conditions(kubelet.unschedulable(pod))["PodScheduled"] == ("False", "Unschedulable")
    assert conditions(kubelet.run(pod))["PodScheduled"][0] == "True"


def test_evicted_pod_stays(control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
    pod = create(control_plane, namespace)
    kubelet.run(pod)
    evicted = kubelet.evict(pod)
    assert (evicted["status"]["phase"], evicted["status"]["reason"]) == ("Failed", "Evicted")
    assert conditions(evicted)["DisruptionTarget"] == ("True", "TerminationByKubelet")
    assert "Evicted" in {each["reason"] for each in events(control_plane, pod)}


def test_pod_is_deleted_when_its_kubelet_says_so(
    control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet
) -> None:
    pod = create(control_plane, namespace)
    kubelet.run(pod)
    client = control_plane.client()
    client.delete(path_of(pod))
    assert kubelet.until(pod, lambda state: "deletionTimestamp" in state["metadata"])["status"]["phase"] == "Running"
    kubelet.remove(pod)
    assert client.until(path_of(pod), lambda state: state is None) is None


def test_pods_are_waited_for(control_plane: ControlPlane, namespace: str, kubelet: FakeKubelet) -> None:
    made: list[Object] = []
    maker = threading.Thread(target=lambda: made.append(create(control_plane, namespace)))
    maker.start()
    pod = kubelet.appears(namespace, "made-by=test")
    maker.join()
    assert pod["metadata"]["uid"] == made[0]["metadata"]["uid"]
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"not as wanted after 1 s.*Pending"):
        kubelet.until(pod, lambda state: state["status"]["phase"] == "Running", seconds=1)
    assert time.monotonic() - started < SECONDS


def test_rights(control_plane: ControlPlane, namespace: str) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    for user in ("submitter", "viewer", "nobody"):
        with pytest.raises(ApiError, match=f'User "{user}" cannot list resource "pods"') as refused:
            control_plane.client(user).get(pods)
        assert (refused.value.code, refused.value.reason) == (403, "Forbidden")
    control_plane.grant("viewer", namespace, LIST_PODS)
    assert control_plane.client("viewer").get(pods)["items"] == []
    with pytest.raises(ApiError) as refused:
        control_plane.client("viewer").get(pods.replace(namespace, "default"))
    assert refused.value.code == 403


def test_unknown_token(control_plane: ControlPlane) -> None:
    with pytest.raises(ApiError) as refused:
        control_plane.client(token="of-yesterday").get("/api/v1/namespaces")
    assert (refused.value.code, refused.value.reason) == (401, "Unauthorized")


@pytest.mark.parametrize("certificate", [False, True], ids=["token", "certificate"])
def test_kubeconfig_is_kubectls(control_plane: ControlPlane, namespace: str, certificate: bool) -> None:
    config = control_plane.kubeconfig(namespace=namespace, certificate=certificate)
    kubectl = [str(assets.find() / "kubectl"), f"--kubeconfig={config}"]
    subprocess.run([*kubectl, "create", "configmap", "written"], check=True, capture_output=True, timeout=SECONDS)
    written = control_plane.client().get(f"/api/v1/namespaces/{namespace}/configmaps/written")
    assert written["metadata"]["namespace"] == namespace


@pytest.mark.usefixtures("control_plane_programs")
def test_control_plane_lives_as_long_as_its_users(tmp_path: pathlib.Path) -> None:
    """Also when the user that started it is killed."""
    use = f"import pathlib, sys\nfrom cluster.control_plane import shared\nwith shared(pathlib.Path({str(tmp_path)!r})):\n"
    use += "    print('in use', flush=True)\n    sys.stdin.read()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    command = [sys.executable, "-c", use]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"in use\n"
        with shared(tmp_path) as plane:
            user.kill()
            user.wait()
            assert plane.client().get("/version")["major"] == "1"
    deadline = time.monotonic() + SECONDS
    while (tmp_path / "state.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(OSError, match="refused"):
        plane.client().get("/version")
