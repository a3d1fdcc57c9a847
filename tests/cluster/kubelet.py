"""The node's part, and the scheduler's, played by a test: pods are bound, run, write logs and end when the test says so.

What it writes has the fields, reasons and messages of Kubernetes 1.33's own scheduler and kubelet, and logs come through the API server.
"""

from __future__ import annotations

import datetime
import secrets
import threading
import time
from typing import Callable, Union

from cluster.client import STRATEGIC, Object
from cluster.control_plane import ControlPlane
from cluster.pod_logs import Log, LogServer

Pod = Union[Object, str]  # an object with its metadata, or "namespace/name"
ADDRESS = "127.0.0.1"
POD_ADDRESS = "10.244.0.2"


class FakeKubelet:
    """A node of this name from `start` to `stop`. Each method that changes a pod returns it as it is afterwards."""

    def __init__(self, plane: ControlPlane, name: str) -> None:
        self.name = name
        self.client = plane.client()
        self._server = LogServer(self.client, plane.folder)
        self._logs: dict[
            tuple[str, str], Log
        ] = {}  # of each container that runs or ran last, by the pod's uid and its name
        self._counts: dict[tuple[str, ...], tuple[str, int]] = {}

    # --- the node

    def start(self) -> None:
        # A short poll, so that `stop` does not wait.
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        room = {"cpu": "64", "memory": "256Gi", "pods": "500", "ephemeral-storage": "500Gi"}
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "kubelet is posting ready status",
        }
        node = {
            "metadata": {
                "name": self.name,
                "labels": {"kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux"},
            },
            "status": {
                "addresses": [{"type": "InternalIP", "address": ADDRESS}, {"type": "Hostname", "address": self.name}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": self._server.server_port}},
                "capacity": room,
                "allocatable": room,
                "conditions": [{**ready, "lastHeartbeatTime": now(), "lastTransitionTime": now()}],
            },
        }
        self.client.create("/api/v1/nodes", node)

    def stop(self) -> None:
        """The node is gone: who asks for logs of its pods is told that it is not found."""
        self.disconnect()
        self.client.delete(f"/api/v1/nodes/{self.name}")

    def disconnect(self) -> None:
        """Nobody answers at the node's address any more; its object stays."""
        self._server.shutdown()
        self._server.server_close()
        self.cut_logs()

    def cut_logs(self) -> None:
        """Breaks the connection of everyone who follows a log, as a kubelet that restarts does."""
        for log in self._server.logs.values():
            log.cut()

    # --- looking

    def pod(self, pod: Pod) -> Object:
        return self.client.get(path_of(pod))

    def until(self, pod: Pod, condition: Callable[[Object], bool], seconds: float = 30) -> Object:
        """The pod as soon as it is there and meets the condition."""
        found = self.client.until(path_of(pod), lambda state: state is not None and condition(state), seconds)
        assert found is not None
        return found

    def appears(self, namespace: str, selector: str = "", seconds: float = 30) -> Object:
        """The first pod with these labels, as soon as there is one."""
        return self.client.appears(f"/api/v1/namespaces/{namespace}/pods", seconds, labelSelector=selector)

    # --- the scheduler's part

    def bind(self, pod: Pod) -> Object:
        document = self.pod(pod)
        meta = document["metadata"]
        target = {"apiVersion": "v1", "kind": "Node", "name": self.name}
        self.client.create(
            path_of(document) + "/binding", {"metadata": {"name": meta["name"], "uid": meta["uid"]}, "target": target}
        )
        message = f"Successfully assigned {meta['namespace']}/{meta['name']} to {self.name}"
        self._scheduler_event(document, "Normal", "Scheduled", "Binding", message)
        return self.pod(document)

    def unschedulable(self, pod: Pod, message: str = "0/1 nodes are available: 1 Insufficient memory.") -> Object:
        document = self.pod(pod)
        self._scheduler_event(document, "Warning", "FailedScheduling", "Scheduling", message)
        return self._patch(document, {"conditions": [condition("PodScheduled", False, "Unschedulable", message)]})

    def _scheduler_event(self, pod: Object, kind: str, reason: str, action: str, message: str) -> None:
        """Of events.k8s.io, as the scheduler writes them: seen in core/v1 they have an eventTime and no timestamps."""
        namespace = pod["metadata"]["namespace"]
        event = {
            "metadata": {"name": event_name(pod)},
            "eventTime": now(micro=True),
            "reportingController": "default-scheduler",
            "reportingInstance": "default-scheduler-test",
            "action": action,
            "reason": reason,
            "regarding": reference(pod),
            "note": message,
            "type": kind,
        }
        self.client.create(f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", event)

    # --- the kubelet's part

    def event(self, pod: Pod, reason: str, message: str, type: str = "Normal", container: str | None = None) -> None:
        """As a kubelet writes it. The same again is counted up in the event there is."""
        document = self.pod(pod)
        meta = document["metadata"]
        events = f"/api/v1/namespaces/{meta['namespace']}/events"
        key = (meta["uid"], type, reason, message, container or "")
        name, count = self._counts.get(key, (event_name(document), 0))
        self._counts[key] = (name, count + 1)
        if count:
            self.client.patch(f"{events}/{name}", {"count": count + 1, "lastTimestamp": now()})
            return
        place = {"fieldPath": f"spec.containers{{{container}}}"} if container else {}
        event = {
            "metadata": {"name": name},
            "involvedObject": {**reference(document), **place},
            "reason": reason,
            "message": message,
            "type": type,
            "source": {"component": "kubelet", "host": self.name},
            "reportingComponent": "kubelet",
            "reportingInstance": self.name,
            "firstTimestamp": now(),
            "lastTimestamp": now(),
            "count": 1,
        }
        self.client.create(events, event)

    def waiting(self, pod: Pod, reason: str = "ContainerCreating", message: str = "") -> Object:
        """Bound, and its containers cannot start (yet): ErrImagePull, ImagePullBackOff, CreateContainerConfigError, …"""
        document = self._bound(pod)
        meta = document["metadata"]
        for spec in document["spec"]["containers"]:
            name, image = spec["name"], spec["image"]
            events = {
                "ContainerCreating": [],
                "PodInitializing": [],
                "ErrImagePull": [
                    ("Normal", "Pulling", f'Pulling image "{image}"'),
                    ("Warning", "Failed", f'Failed to pull image "{image}": {message}'),
                    ("Warning", "Failed", "Error: ErrImagePull"),
                ],
                "ImagePullBackOff": [
                    ("Normal", "BackOff", f'Back-off pulling image "{image}"'),
                    ("Warning", "Failed", "Error: ImagePullBackOff"),
                ],
                "CrashLoopBackOff": [
                    (
                        "Warning",
                        "BackOff",
                        f"Back-off restarting failed container {name} in pod {meta['name']}_{meta['namespace']}({meta['uid']})",
                    )
                ],
            }.get(reason, [("Warning", "Failed", f"Error: {message}")])
            for kind, why, text in events:
                self.event(document, why, text, kind, name)
        state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        return self._write(
            document, [container_status(document, spec, state) for spec in document["spec"]["containers"]]
        )

    def run(self, pod: Pod) -> Object:
        """All its containers run; those that initialise it have ended well. Binds it if nobody did."""
        document = self._bound(pod)
        specs = document["spec"]["containers"]
        initial = []
        for spec in document["spec"].get("initContainers", []):
            self._server.logs.setdefault(identity := new_container_id(), Log()).end()
            initial.append(container_status(document, spec, terminated(0, "Completed", now(), identity), identity))
        statuses = [
            container_status(document, spec, {"running": {"startedAt": now()}}, new_container_id()) for spec in specs
        ]
        for spec, status in zip(specs, statuses):
            self._open_log(document, status)
            self._started(document, spec)
        return self._write(document, statuses, initContainerStatuses=initial)

    def log(self, pod: Pod, text: str, container: str | None = None) -> None:
        """The container (by default the first) writes this."""
        document = self.pod(pod)
        name = container or document["spec"]["containers"][0]["name"]
        self._logs[document["metadata"]["uid"], name].write(text)

    def finish(
        self,
        pod: Pod,
        exit_code: int = 0,
        signal: int | None = None,
        reason: str | None = None,
        message: str | None = None,
        container: str | None = None,
    ) -> Object:
        """The container ends so, and only it; by default the first does, and the others with 0. The pod ends with its last container."""
        document = self.pod(pod)
        main = container or document["spec"]["containers"][0]["name"]
        statuses = document["status"]["containerStatuses"]
        for status in statuses:
            if "running" not in status["state"] or (container is not None and status["name"] != container):
                continue
            code = exit_code if status["name"] == main else 0
            why = reason if reason is not None and status["name"] == main else "Error" if code else "Completed"
            details = {"signal": signal, "message": message} if status["name"] == main else {}
            state = terminated(code, why, status["state"]["running"]["startedAt"], status["containerID"], **details)
            status.update(state=state, ready=False, started=False)
            self._logs[document["metadata"]["uid"], status["name"]].end()
        return self._write(document, statuses)

    def restart(self, pod: Pod, exit_code: int = 1, container: str | None = None) -> Object:
        """The container ended and runs again, with a new log; the one before is its `previous`."""
        document = self.pod(pod)
        name = container or document["spec"]["containers"][0]["name"]
        statuses = document["status"]["containerStatuses"]
        status = next(each for each in statuses if each["name"] == name)
        last = terminated(
            exit_code,
            "Error" if exit_code else "Completed",
            status["state"]["running"]["startedAt"],
            status["containerID"],
        )
        running = {"running": {"startedAt": now()}}
        status.update(
            containerID=new_container_id(), restartCount=status["restartCount"] + 1, lastState=last, state=running
        )
        self._logs[document["metadata"]["uid"], name].end()
        self._open_log(document, status)
        self._started(document, next(spec for spec in document["spec"]["containers"] if spec["name"] == name))
        return self._write(document, statuses)

    def evict(self, pod: Pod, message: str = "The node was low on resource: memory. ") -> Object:
        """Its containers are killed for want of something; the pod stays, failed."""
        self.event(pod, "Evicted", message, "Warning")
        target = condition("DisruptionTarget", True, "TerminationByKubelet", message)
        status = {"phase": "Failed", "reason": "Evicted", "message": message, "conditions": [target]}
        document = self._patch(self.pod(pod), status)
        return self.finish(document, 137) if "containerStatuses" in document["status"] else document

    def remove(self, pod: Pod, exit_code: int = 143) -> None:
        """What a kubelet does with a pod that is being deleted: ends its containers (SIGTERM), then it is gone."""
        document = self.pod(pod)
        running = [
            each["name"] for each in document["status"].get("containerStatuses", []) if "running" in each["state"]
        ]
        for name in running:
            self.event(document, "Killing", f"Stopping container {name}", container=name)
        if running:
            self.finish(document, exit_code)
        uid = document["metadata"]["uid"]
        self.client.delete(path_of(document), {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}})

    # --- how

    def _bound(self, pod: Pod) -> Object:
        document = self.pod(pod)
        return document if document["spec"].get("nodeName") else self.bind(document)

    def _open_log(self, pod: Object, status: Object) -> None:
        log = self._server.logs[status["containerID"]] = Log()
        self._logs[pod["metadata"]["uid"], status["name"]] = log

    def _started(self, pod: Object, spec: Object) -> None:
        name = spec["name"]
        self.event(pod, "Pulled", f'Container image "{spec["image"]}" already present on machine', container=name)
        self.event(pod, "Created", f"Created container: {name}", container=name)
        self.event(pod, "Started", f"Started container {name}", container=name)

    def _write(self, pod: Object, statuses: list[Object], **more: object) -> Object:
        """The status with all that follows from its containers': phase and conditions."""
        ended = [each["state"]["terminated"]["exitCode"] for each in statuses if "terminated" in each["state"]]
        unready = [each["name"] for each in statuses if not each["ready"]]
        started = not any("waiting" in each["state"] and not each["lastState"] for each in statuses)
        if len(ended) == len(statuses):
            phase, why, text = ("Failed", "PodFailed", "") if any(ended) else ("Succeeded", "PodCompleted", "")
        else:
            phase, why, text = (
                "Running" if started else "Pending",
                "ContainersNotReady",
                f"containers with unready status: [{' '.join(unready)}]",
            )
        ready = [
            condition(each, not unready, *((why, text) if unready else ())) for each in ("Ready", "ContainersReady")
        ]
        finished = phase in ("Failed", "Succeeded")
        return self._patch(
            pod,
            {
                "phase": phase,
                "hostIP": ADDRESS,
                "hostIPs": [{"ip": ADDRESS}],
                **({"podIP": POD_ADDRESS, "podIPs": [{"ip": POD_ADDRESS}]} if started else {}),
                "startTime": pod["status"].get("startTime", now()),
                "containerStatuses": statuses,
                "conditions": [
                    condition("PodReadyToStartContainers", started and not finished),
                    condition("Initialized", True, "PodCompleted" if phase == "Succeeded" else ""),
                    *ready,
                ],
                **more,
            },
        )

    def _patch(self, pod: Object, status: Object) -> Object:
        before = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
        for each in status["conditions"]:
            if before.get(each["type"]) == each["status"]:
                del each["lastTransitionTime"]  # the patch leaves what is there
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        return self.client.patch(path_of(pod) + "/status", body, STRATEGIC)


# --- the shapes


def path_of(pod: Pod) -> str:
    namespace, name = (
        pod.split("/") if isinstance(pod, str) else (pod["metadata"]["namespace"], pod["metadata"]["name"])
    )
    return f"/api/v1/namespaces/{namespace}/pods/{name}"


def now(micro: bool = False) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" if micro else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def reference(pod: Object) -> Object:
    meta = pod["metadata"]
    names = {key: meta[key] for key in ("namespace", "name", "uid", "resourceVersion")}
    return {"apiVersion": "v1", "kind": "Pod", **names}


def event_name(pod: Object) -> str:
    return f"{pod['metadata']['name']}.{time.time_ns():x}"


def new_container_id() -> str:
    return f"containerd://{secrets.token_hex(32)}"


def condition(type: str, status: bool, reason: str = "", message: str = "") -> Object:
    words = {"reason": reason or None, "message": message or None}  # null takes away what was there
    return {"type": type, "status": str(status), "lastProbeTime": None, "lastTransitionTime": now(), **words}


def terminated(code: int, reason: str, started: str, identity: str, **details: object) -> Object:
    state = {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": now(), "containerID": identity}
    return {"terminated": {**state, **{key: value for key, value in details.items() if value is not None}}}


def container_status(pod: Object, spec: Object, state: Object, identity: str = "") -> Object:
    """With what the pod's status remembers of the container."""
    old: Object = next(
        (each for each in pod["status"].get("containerStatuses", []) if each["name"] == spec["name"]), {}
    )
    running = "running" in state
    return {
        "name": spec["name"],
        "image": spec["image"],
        "imageID": f"sha256:{'0' * 64}" if identity else "",
        "containerID": identity or old.get("containerID", ""),
        "ready": running or state.get("terminated", {}).get("exitCode") == 0,
        "started": running,
        "restartCount": old.get("restartCount", 0),
        "state": state,
        "lastState": old.get("lastState", {}),
    }
