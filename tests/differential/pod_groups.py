"""Volcano's step, which most distributions of Spark are without: what it adds is checked by what its source says, and taken out of ours."""

from __future__ import annotations

import copy
import pathlib
import zipfile

import yaml
from differential.random_case import VOLCANO
from differential.submitters import Object, Submitted

FEATURE_STEPS = "spark.kubernetes.driver.pod.featureSteps"
WORD = f"{FEATURE_STEPS}={VOLCANO}"
ANNOTATION = "scheduling.k8s.io/group-name"


def are_wanted(words: list[str]) -> bool:
    return WORD in words


def are_known(home: pathlib.Path) -> bool:
    [jar] = (home / "jars").glob("spark-kubernetes_*")
    with zipfile.ZipFile(jar) as archive:
        return VOLCANO.replace(".", "/") + ".class" in archive.namelist()


def words_without(words: list[str]) -> list[str]:
    at = words.index(WORD)
    return words[: at - 1] + words[at + 1 :]


def wanted_group(case: Object, driver: Object) -> Object:
    template = yaml.safe_load(case["files"].get("group.yaml", "{}"))
    name = driver["metadata"]["labels"]["spark-app-selector"] + "-podgroup"
    metadata = {**template.get("metadata", {}), "name": name, "namespace": driver["metadata"]["namespace"]}
    group = {"apiVersion": "scheduling.volcano.sh/v1beta1", "kind": "PodGroup", **template, "metadata": metadata}
    if "priorityClassName" in driver["spec"]:
        group["spec"] = {**template.get("spec", {}), "priorityClassName": driver["spec"]["priorityClassName"]}
    return group


def checked_and_taken_out(case: Object, ours: Submitted) -> Submitted:
    objects = copy.deepcopy(ours.objects)
    [driver] = [each for each in objects if each["kind"] == "Pod"]
    [group] = [each for each in objects if each["kind"] == "PodGroup"]
    assert group == wanted_group(case, driver)
    assert driver["metadata"]["annotations"].pop(ANNOTATION) == group["metadata"]["name"]
    objects.remove(group)
    for data in (each["data"] for each in objects if "spark.properties" in each.get("data", {})):
        lines = data["spark.properties"].splitlines(keepends=True)
        data["spark.properties"] = "".join(line for line in lines if not line.startswith(FEATURE_STEPS))
    return ours._replace(objects=objects)
