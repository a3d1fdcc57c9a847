"""Writes what a real API server answers into tests/data/kube/contract.yaml: record.py KUBECONFIG.

Of each step `do`, `type`, `body`, `text`, `save` and `read` are kept as they are, and what it expects is written anew. A text that
begins with ~ is a beginning that is expected; it stays when it is still right, for answers that are never twice the same. Look at
the difference before you commit it: it is what changed in Kubernetes.
"""

from __future__ import annotations

import json
import pathlib
import re
import ssl
import sys
import urllib.error
import urllib.request
import uuid
from typing import Any

import yaml

FILE = pathlib.Path(__file__).resolve().parents[1] / "data/kube/contract.yaml"
TYPES = {
    "": "application/json",
    "apply": "application/apply-patch+yaml",
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "plain": "text/plain",
    "strategic": "application/strategic-merge-patch+json",
}
METADATA = (
    "name",
    "namespace",
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "generation",
    "deletionGracePeriodSeconds",
)
DRAWN = ("uid", "creationTimestamp", "deletionTimestamp")
MEMBERS = ("data", "immutable", "type", "kind", "apiVersion", "involvedObject")
REQUEST = ("do", "type", "body", "text", "save", "read")
HEAD = FILE.read_text().partition("\n- name")[0]


class Server:
    def __init__(self, kubeconfig: str) -> None:
        config = yaml.safe_load(pathlib.Path(kubeconfig).read_text())
        cluster = config["clusters"][0]["cluster"]
        self.address, self.token = cluster["server"], config["users"][0]["user"]["token"]
        context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def call(self, method: str, path: str, body: str | None, kind: str, lines: int = 0) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": TYPES[kind]}
        data = None if body is None else body.encode()
        request = urllib.request.Request(self.address + path, data=data, method=method, headers=headers)
        try:
            with self.opener.open(request, timeout=30) as answer:
                text = "".join(answer.readline().decode() for _ in range(lines)) if lines else answer.read().decode()
                return answer.status, text
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def kept_metadata(meta: dict[str, Any], names: dict[str, str], managers: bool) -> dict[str, Any]:
    kept = {key: meta[key] for key in METADATA if key in meta}
    kept |= {key: "*" for key in DRAWN if key in meta}
    if version := meta.get("resourceVersion"):
        kept["resourceVersion"] = next((f"${name}" for name, value in names.items() if value == version), "*")
    if managers:
        kept["managedFields"] = [
            {key: each[key] for key in ("manager", "operation", "fieldsV1")}
            for each in sorted(meta.get("managedFields", []), key=lambda each: str(each["manager"]))
        ] or None
    if "generateName" in meta:
        kept["name"] = "~" + meta["generateName"]
    for key in ("labels", "finalizers", "ownerReferences", "deletionTimestamp"):
        kept.setdefault(key, None)  # expected to be missing
    return kept


def kept(document: dict[str, Any], names: dict[str, str], row: str) -> Any:
    """Of an answer what a contract is."""
    if document.get("kind") == "Status":
        result = {key: document[key] for key in ("status", "message", "reason", "code") if key in document}
        if details := document.get("details"):
            result["details"] = {key: details[key] for key in ("name", "group", "kind") if key in details}
            causes = [
                {key: each[key] for key in ("reason", "field") if key in each} for each in details.get("causes", [])
            ]
            unique = [each for place, each in enumerate(causes) if each not in causes[:place]]
            several_conflicts = len(causes) > 1 and causes[0]["reason"] == "FieldManagerConflict"  # in any order
            if causes and causes == unique and not several_conflicts:
                result["details"]["causes"] = causes
        return result
    if "items" in document:
        meta = {key: "*" for key in ("continue", "resourceVersion") if document["metadata"].get(key)}
        if left := document["metadata"].get("remainingItemCount"):
            meta["remainingItemCount"] = left
        return {
            "kind": document["kind"],
            "metadata": meta,
            "items": [{"metadata": {"name": each["metadata"]["name"]}} for each in document["items"]],
        }
    result = {key: document[key] for key in MEMBERS if key in document}
    if "metadata" in document and "Review" not in document["kind"]:
        result["metadata"] = kept_metadata(document["metadata"], names, "apply" in row)
    if "status" in document and document["kind"] != "Node":
        result["status"] = document["status"]
    if "spec" in document and (document["kind"] not in ("Pod", "Service", "Node") or "defaults" in row):
        result["spec"] = document["spec"]
    result.setdefault("data", None)
    return result


def merged(expected: Any, before: Any) -> Any:
    """`expected` with the beginnings that stood there before."""
    if (
        isinstance(before, str)
        and before.startswith("~")
        and isinstance(expected, str)
        and expected.startswith(before[1:])
    ):
        return before
    if isinstance(expected, dict) and isinstance(before, dict):
        return {key: merged(value, before.get(key)) for key, value in expected.items()}
    if isinstance(expected, list) and isinstance(before, list) and len(expected) == len(before):
        return [merged(new, old) for new, old in zip(expected, before)]
    return expected


def substitute(value: Any, names: dict[str, str]) -> Any:
    text = json.dumps(value)
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(f"${name}", names[name])
    return json.loads(text)


def record(server: Server, row: dict[str, Any]) -> None:
    names = {"ns": f"contract-{uuid.uuid4().hex[:8]}"}
    server.call("POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": names["ns"]}}), "")
    for step in row["steps"]:
        sent = substitute({key: step[key] for key in ("do", "body", "text") if key in step}, names)
        method, path = sent["do"].split(" ", 1)
        body = json.dumps(sent["body"]) if "body" in sent else sent.get("text")
        if body is not None:
            body = re.sub(r"@(\d+)", lambda found: "x" * int(found[1]), body)
        code, answer = server.call(method, path, body, step.get("type", ""), step.get("read", 0))
        before = {key: step.pop(key) for key in list(step) if key not in REQUEST}
        step["status"] = code
        try:
            documents = [json.loads(line) for line in answer.splitlines()] if step.get("read") else [json.loads(answer)]
        except ValueError:
            step["body_is"] = answer
            continue
        for name, place in step.get("save", {}).items():
            value = documents[0]
            for key in place.split("."):
                value = value[key]
            names[name] = value
        if code == 200 and step.get("read"):
            seen = [{"type": each["type"], "object": kept(each["object"], names, row["name"])} for each in documents]
            expected: Any = {"events": seen}
        else:
            expected = {"answer": kept(documents[0], names, row["name"])}
        text = json.dumps(expected).replace(names["ns"], "$ns")
        for name, value in names.items():
            if len(value) > 2:  # a version as small as a number in a message would be mistaken
                text = re.sub(rf"\b{re.escape(value)}\b", f"${name}", text)
        step |= merged(json.loads(text), before)


def write(rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        lines += ["", f"- name: {row['name']}", "  steps:"]
        for step in row["steps"]:
            for place, (key, value) in enumerate(step.items()):
                shown = value if key in ("do", "type") else json.dumps(value, ensure_ascii=False)
                if key == "events":
                    lines += ["      events:", *(f"        - {json.dumps(each, ensure_ascii=False)}" for each in value)]
                else:
                    lines.append(f"    {'- ' if place == 0 else '  '}{key}: {shown}")
    return HEAD.rstrip("\n") + "\n" + "\n".join(lines) + "\n"


def main() -> None:
    server = Server(sys.argv[1])
    rows = yaml.safe_load(FILE.read_text())
    for row in rows:
        record(server, row)
    FILE.write_text(write(rows))


if __name__ == "__main__":
    main()
