"""What two submissions of the same words may differ in, and whether they differ in anything else."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Iterator, NamedTuple

Object = dict[str, Any]
Pair = tuple[str, Any]


class Rule(NamedTuple):
    where: str  # a pattern for the place, such as /spec/volumes/3; the whole of it
    change: Callable[[Any], Any]
    reason: str


ABSENT = object()


def absent(value: Any) -> Any:
    return ABSENT


def absent_if_nothing(value: Any) -> Any:
    return ABSENT if value is None or value == [] else value


def absent_if_empty(value: Any) -> Any:
    return value if value else ABSENT


def by(key: str) -> Callable[[Any], Any]:
    """A list whose order means nothing, as its elements by their names; a second one of a name is `name#2`."""

    def change(elements: list[Object]) -> Object:
        found: Object = {}
        for each in elements:
            name, copies = str(each.get(key)), 1
            while (name if copies == 1 else f"{name}#{copies}") in found:
                copies += 1
            found[name if copies == 1 else f"{name}#{copies}"] = each
        return found

    return change


def parts_sorted(variable: Object) -> Object:
    is_list = variable.get("name") == "SPARK_LOCAL_DIRS" and "value" in variable
    return {**variable, "value": ",".join(sorted(variable["value"].split(",")))} if is_list else variable


def lines_by_key(text: str) -> Object:
    """As they are written, but for the two comments: the name of the ConfigMap, and the time."""
    lines = text.splitlines()[2:]
    return {re.split(r"(?<!\\)[=:]", line, maxsplit=1)[0]: line for line in lines}


def text_without(pattern: str, replacement: str) -> Callable[[Any], Any]:
    return lambda value: re.sub(pattern, replacement, value) if isinstance(value, str) else value


UPLOADED = r"/{1,2}spark-upload-[0-9a-f-]+/"
ANY_CONTAINER = r"/spec/(?:initC|c)ontainers/\d+"

# The only home of what does not count, in the order in which it is taken away. `.*` is any place.
RULES = [
    Rule("/metadata/ownerReferences", absent, "the owner is known only when the pod is there: it is the writer's"),
    Rule(".*", absent_if_nothing, "Spark's client leaves out what is null or an empty list in a template"),
    Rule("/metadata/(?:labels|annotations)|/spec/nodeSelector", absent_if_empty, "as lists"),
    Rule(ANY_CONTAINER + "/resources/(?:limits|requests)/.*", str, "in a template a quantity may be a number; Spark's client writes it as a text"),
    Rule(".*", text_without(UPLOADED, "/spark-upload/"), "Spark draws a folder for each file; ours is named by the content"),
    Rule(".*", text_without(r"-driver-pvc-\d+$", "-driver-pvc"), "claims are counted in the order of a hash"),
    Rule(".*", text_without(r"^spark-local-dir-\d+$", "spark-local-dir"), "several local folders are shuffled since Spark 3.4"),
    Rule(ANY_CONTAINER + r"/env/\d+", parts_sorted, "as their volumes"),
    Rule(ANY_CONTAINER + "/env", by("name"), "variables from the configuration come in the order of a hash"),
    Rule(ANY_CONTAINER + "/volumeMounts", by("mountPath"), "as their volumes"),
    Rule(r"/spec/volumes/\d+/configMap/items", by("key"), "files of a folder come in the order of its file system"),
    Rule("/spec/volumes", by("name"), "volumes from the configuration come in the order of a hash"),
    Rule("/data/spark.properties", lines_by_key, "properties come in the order of a hash"),
]  # fmt: skip


def normalised(value: Any, where: str = "") -> Any:
    """Parts first, then the whole."""
    if isinstance(value, dict):
        members = {key: normalised(each, f"{where}/{key}") for key, each in value.items()}
        value = {key: each for key, each in members.items() if each is not ABSENT}
    elif isinstance(value, list):
        parts = [normalised(each, f"{where}/{at}") for at, each in enumerate(value)]
        value = [None if each is ABSENT else each for each in parts]
    for rule in RULES:
        if value is not ABSENT and re.fullmatch(rule.where, where):
            value = rule.change(value)
    return value


# Where what is drawn stands in an object's name. The driver's comes first: others have the same, or one of their own. Where the name is nothing
# else, its first digit became an x.
UNIQUE = "(?:^|-)([0-9a-fx][0-9a-f]{15})-"
DRAWN_NAMES = [
    ("Pod", UNIQUE + "driver$", "DRAWN"),
    ("ConfigMap|Secret", UNIQUE + "(?:krb5-file|kubernetes-credentials|hadoop-config|driver-podspec-conf-map)$", "DRAWN"),
    ("ConfigMap", "spark-drv-([0-9a-f]{16})-conf-map", "DRAWN-FOR-CONFIGURATION"),
    ("Service", UNIQUE + "driver-svc", "DRAWN-FOR-SERVICE"),
]  # fmt: skip


def drawn(objects: list[Object]) -> dict[str, str]:
    """What a submission drew anew: each text, and what it stands for."""
    found: dict[str, str] = {}
    for kind, pattern, word in DRAWN_NAMES:
        for each in objects:
            match = re.search(pattern, each["metadata"]["name"])
            if re.fullmatch(kind, each["kind"]) and match:
                found.setdefault(match.group(1), word)
    for each in objects:
        if each["kind"] == "Pod":
            found[each["metadata"].get("labels", {}).get("spark-app-selector", "spark-0")] = "spark-APPLICATION"
            found.update(
                {folder: "LOCAL-FOLDER" for folder in re.findall(r"/var/data/spark-([0-9a-f-]{36})", json.dumps(each))}
            )
        properties = each.get("data", {}).get("spark.properties", "")
        found.update({time: "TIME" for time in re.findall(r"(?m)^spark\.app\.submitTime=(\d+)$", properties)})
    return found


def without_drawn(objects: list[Object]) -> list[Object]:
    text = json.dumps(objects)
    for drew, word in sorted(drawn(objects).items(), key=lambda pair: -len(pair[0])):
        text = text.replace(drew, word)
    plain: list[Object] = json.loads(text)
    return plain


def by_name(objects: list[Object]) -> dict[str, Object]:
    """The first of each kind and name: Spark writes some again, to give them their owner."""
    found: dict[str, Object] = {}
    for each in without_drawn(objects):
        plain = normalised(each)
        found.setdefault(f"{plain['kind']} {plain['metadata']['name']}", plain)
    return found


def leaves(value: Any, where: str = "") -> Iterator[Pair]:
    """Each place with what is there; one without parts is a leaf too."""
    parts: Iterator[Pair] | None = None
    if isinstance(value, dict) and value:
        parts = iter(value.items())
    if isinstance(value, list) and value:
        parts = ((str(at), each) for at, each in enumerate(value))
    if parts is None:
        yield where, value
        return
    for key, each in parts:
        yield from leaves(each, f"{where}/{key}")


def differences(theirs: list[Object], ours: list[Object]) -> list[str]:
    left, right = by_name(theirs), by_name(ours)
    lines = [f"only spark-submit makes {name}" for name in left if name not in right]
    lines += [f"only stoker makes {name}" for name in right if name not in left]
    for name in left:
        if name not in right:
            continue
        one, other = (dict(leaves(each[name])) for each in (left, right))
        for place in sorted({*one, *other}):
            here, there = (each.get(place, "nothing") for each in (one, other))
            # In JSON, so that true is not 1.
            if json.dumps(here) != json.dumps(there):
                lines.append(f"{name} {place}: spark-submit {here!r} | stoker {there!r}")
    return lines
