#!/usr/bin/env python3
"""Stands in for the `stoker` program where only the SDK is tested: compiles with the real host, runs the Python steps one after
another with the real worker, prints the same events. No cache, no `when`, no `foreach`.
"""

import argparse
import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
from typing import Any, Dict

RUN = "20260101-000000-abcd"


def emit(kind: str, **fields: Any) -> None:
    print(
        json.dumps({"version": 1, "seq": 1, "time": "2026-01-01T00:00:00Z", "run": RUN, "type": kind, **fields}),
        flush=True,
    )


def resolved(value: Any, known: Dict[str, Any]) -> Any:
    if isinstance(value, str):
        whole = re.fullmatch(r"\$\{\{ ([\w.]+) \}\}", value)
        return known[whole.group(1)] if whole else value.replace("$${{", "${{")
    if isinstance(value, list):
        return [resolved(item, known) for item in value]
    if isinstance(value, dict):
        return {key: resolved(item, known) for key, item in value.items()}
    return value


def compiled(options: argparse.Namespace) -> Dict[str, Any]:
    if options.file.endswith(".json"):
        return {"document": json.loads(pathlib.Path(options.file).read_text()), "root": os.path.dirname(options.file)}
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from host_client import HostClient

    with HostClient(options.python) as host:
        reply = host.ask(op="compile", file=os.path.abspath(options.file), pipeline=options.pipeline, argv=[])
    if reply["op"] == "failed":
        print(f"error: {reply['error']['message']}", file=sys.stderr)
        sys.exit(2)
    return reply


def run_step(step: Dict[str, Any], known: Dict[str, Any], root: str, store: pathlib.Path, python: str) -> bool:
    folder = store / step["name"]
    folder.mkdir(parents=True)
    part = step["python"]
    if "pickle" in part:
        (folder / "function.pickle").write_bytes(base64.b64decode(part["pickle"]))
        entry = {"pickle": str(folder / "function.pickle")}
    else:
        file = os.path.join(root, part["file"])
        entry = {"root": root, "file": file, "module": part["module"], "function": part["function"]}
    inputs = {}
    for name, value in step.get("inputs", {}).items():
        inputs[name] = resolved(value, known)
    invocation = {
        "version": 1, "run": RUN, "pipeline": "p", "step": step["name"], "attempt": 1, "kind": "python", "entry": entry,
        "injectSession": False, "session": None, "inputs": inputs, "outputs": step.get("outputs", {}),
        "artifacts": str(folder / "artifacts"), "result": str(folder / "result.json"), "scratch": str(folder / "scratch"),
        "store": str(store), "project": "test", "grace_seconds": 10,
    }  # fmt: skip
    (folder / "invocation.json").write_text(json.dumps(invocation))
    emit("step.started", step=step["name"], attempt=1)
    folders = [str(pathlib.Path(__file__).resolve().parents[1]), root]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    with open(folder / "log.txt", "wb") as log:
        subprocess.run(
            [python, "-m", "stoker._worker", str(folder / "invocation.json")], env=environment, stdout=log, stderr=log
        )
    result = json.loads((folder / "result.json").read_text())
    if result["state"] != "succeeded":
        emit("step.failed", step=step["name"], attempt=1, error=result["error"], log=str(folder / "log.txt"))
        return False
    for name, record in result["outputs"].items():
        value = record["value"] if "value" in record else {"$artifact": record["artifact"]}
        known[f"steps.{step['name']}.outputs.{name}"] = value
    emit(
        "step.succeeded", step=step["name"], attempt=1, cached=False, duration_ms=5,
        outputs=result["outputs"], metrics=result["metrics"],
    )  # fmt: skip
    return True


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("verb")
    parser.add_argument("file")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--python")
    parser.add_argument("--pipeline")
    parser.add_argument("--set-file")
    options = parser.parse_args()
    reply = compiled(options)
    document = reply["document"]
    given = json.loads(pathlib.Path(options.set_file).read_text()) if options.set_file else {}
    parameters = {name: given.get(name, entry.get("default")) for name, entry in document.get("parameters", {}).items()}
    known: Dict[str, Any] = {f"parameters.{name}": value for name, value in parameters.items()}
    for name, entry in document.get("parameters", {}).items():
        if entry["type"] == "file":
            known[f"parameters.{name}"] = {"$file": {"path": os.path.join(reply["root"], parameters[name])}}

    # Set here, for who is started by a shell in the background inherits that interrupts are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parent = os.environ.get("STOKER_STORE")
    if parent:
        os.makedirs(parent, exist_ok=True)
    store = pathlib.Path(tempfile.mkdtemp(dir=parent))
    emit("run.started", pipeline=document["name"], parameters=parameters)
    state = "succeeded"
    for step in document["steps"]:
        if state == "failed":
            emit("step.skipped", step=step["name"], reason="upstream failed")
        elif not run_step(step, known, reply["root"], store, options.python):
            state = "failed"
    outputs = resolved(document.get("outputs", {}), known) if state == "succeeded" else {}
    emit("run.finished", state=state, duration_ms=10, outputs=outputs)
    sys.exit(0 if state == "succeeded" else 1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        emit("run.finished", state="cancelled", duration_ms=1)
        sys.exit(130)
