"""Volcano's PodGroups, as a cluster with that scheduler has them: the fields and types of v1beta1 (Volcano 1.12), without the scheduler."""

from __future__ import annotations

import contextlib

from cluster.client import ApiError, Client, Object

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAME = "podgroups.scheduling.volcano.sh"
TEXT = {"type": "string"}
COUNT = {"type": "integer", "format": "int32"}
QUANTITY = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
SPEC = {
    "minMember": COUNT,
    "minTaskMember": {"type": "object", "additionalProperties": COUNT},
    "minResources": {"type": "object", "additionalProperties": QUANTITY},
    "queue": {**TEXT, "default": "default"},
    "priorityClassName": TEXT,
}
STATUS = {"phase": TEXT, "running": COUNT, "succeeded": COUNT, "failed": COUNT}


def definition() -> Object:
    parts = {name: {"type": "object", "properties": fields} for name, fields in (("spec", SPEC), ("status", STATUS))}
    version = {
        "name": "v1beta1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": parts}},
    }
    names = {"kind": "PodGroup", "listKind": "PodGroupList", "plural": "podgroups", "singular": "podgroup"}
    spec = {"group": "scheduling.volcano.sh", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": NAME}, "spec": spec}


def is_served(found: Object | None) -> bool:
    conditions = [] if found is None else found["status"].get("conditions") or []
    return {"Established": "True"}.items() <= {each["type"]: each["status"] for each in conditions}.items()


def install(client: Client) -> None:
    """Until the server serves them; another test may have done it before."""
    with contextlib.suppress(ApiError):
        client.create(DEFINITIONS, definition())
    client.until(f"{DEFINITIONS}/{NAME}", is_served)
