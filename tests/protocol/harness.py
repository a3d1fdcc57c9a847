"""Starts a worker as an engine does and collects what it says."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shlex
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from typing import Any

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 65536


def schema(name: str) -> Any:
    return json.loads((ROOT / "api" / f"{name}.schema.json").read_text())


class Worker:
    def __init__(self, command: list[str], functions: pathlib.Path) -> None:
        self.command = command
        text = functions.read_text().replace("{here}", str(functions.resolve().parent))
        self.functions = json.loads(text)

    def entry(self, name: str) -> dict[str, Any]:
        found = self.functions.get(name) or self.functions["*"]
        return json.loads(json.dumps(found).replace("{name}", name))


def python_worker() -> Worker:
    return Worker([sys.executable, "-m", "stoker._worker"], HERE / "functions.json")


def workers() -> list[Worker]:
    command = os.environ.get("STOKER_WORKER")
    if command:
        return [Worker(shlex.split(command), pathlib.Path(os.environ["STOKER_WORKER_FUNCTIONS"]))]
    perl = HERE / "minimal_worker.pl"
    return [python_worker(), *([Worker(["perl", str(perl)], HERE / "perl_functions.json")] if perl.exists() else [])]


class Attempt:
    """One run of the worker. `messages` are the decoded frames in order, each with the second it came."""

    def __init__(
        self,
        worker: Worker,
        folder: pathlib.Path,
        function: str,
        inputs: dict[str, Any],
        outputs: list[str],
        **more: Any,
    ) -> None:
        self.folder = folder / f"attempt {function}"
        self.folder.mkdir(parents=True)
        folder.mkdir(parents=True, exist_ok=True)
        self.result_path = self.folder / "result.json"
        self.invocation = {
            "version": 1, "run": "20260102-030405-ab3d", "pipeline": "conformance", "step": "step[3]", "attempt": 2,
            **worker.entry(function), "injectSession": False, "session": None, "inputs": inputs,
            "outputs": {name: {"type": "any"} for name in outputs},
            "artifacts": str(folder / "artifacts" / function), "result": str(self.result_path),
            "scratch": str(self.folder / "scratch"),
            "store": str(folder), "project": "conformance", "grace_seconds": 5, "x-anything": True, **more,
        }  # fmt: skip
        self.invocation = {key: value for key, value in self.invocation.items() if value is not ...}
        self.invocation_path = self.folder / "invocation.json"
        self.invocation_path.write_text(json.dumps(self.invocation))
        self.messages: list[tuple[float, dict[str, Any]]] = []
        self.frames: list[int] = []
        self.rubbish = ""
        ours, theirs = socket.socketpair()
        env = {key: value for key, value in os.environ.items() if not key.startswith("STOKER_")}
        env.update(
            STOKER_PROTOCOL=str(theirs.fileno()), STOKER_INVOCATION=str(self.invocation_path),
            STOKER_RUN=str(self.invocation["run"]),
            STOKER_STEP=str(self.invocation["step"]), STOKER_ATTEMPT=str(self.invocation["attempt"]),
            STOKER_ATTEMPT_ID="20260102-030405-ab3d/step[3]/2", STOKER_SECRET_DB_PASSWORD="hunter2-secret",
            PYTHONPATH=str(ROOT / "python"),
        )  # fmt: skip
        self.log = open(self.folder / "log", "wb")  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(
            [*worker.command, str(self.invocation_path)], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=env,
            pass_fds=(theirs.fileno(),), cwd=folder, start_new_session=True,
        )  # fmt: skip
        theirs.close()
        self._socket = ours
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        stream = self._socket.makefile("rb")
        while True:
            head = stream.read(4)
            if len(head) < 4:
                self.rubbish = head.hex()
                return
            size = struct.unpack(">I", head)[0]
            self.frames.append(size)
            body = stream.read(size) if size <= LIMIT else b""
            if size > LIMIT or len(body) < size:
                self.rubbish = f"a frame of {size} bytes"
                return
            self.messages.append((time.monotonic(), json.loads(body)))

    def wait_for(self, path: pathlib.Path, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not path.exists():
            assert time.monotonic() < deadline and self.process.poll() is None, self.text()
            time.sleep(0.01)

    def terminate(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)

    def finish(self, seconds: float = 60) -> int:
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # what it left behind
        self._reader.join(5)
        self.log.close()
        return code

    def text(self) -> str:
        return (self.folder / "log").read_bytes().decode("utf-8", "replace")

    def result(self) -> dict[str, Any]:
        result = json.loads(self.result_path.read_bytes(), parse_constant=_refuse)
        jsonschema.validate(result, schema("step-result"))
        assert (result["run"], result["step"], result["attempt"]) == ("20260102-030405-ab3d", "step[3]", 2)
        for output in [*result["outputs"].values(), *result.get("logged", {}).values()]:
            check_artifact(output["artifact"])
        return result

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for _, message in self.messages if message["type"] == kind]


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def check_artifact(artifact: dict[str, Any]) -> dict[str, Any]:
    """The manifest is valid, the files are as it says, the digest follows from it."""
    import hashlib

    folder = pathlib.Path(artifact["uri"])
    manifest = json.loads((folder / "manifest.json").read_bytes(), parse_constant=_refuse)
    jsonschema.validate(manifest, schema("artifact-manifest"))
    for key in ("type", "class", "digest", "identity", "bytes"):
        assert artifact[key] == manifest[key], key
    paths = [entry["path"] for entry in manifest["files"]]
    found = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    )
    assert paths == found
    lines = ""
    for entry in manifest["files"]:
        content = (folder / entry["path"]).read_bytes()
        assert len(content) == entry["size"]
        assert entry.get("sha256", hashlib.sha256(content).hexdigest()) == hashlib.sha256(content).hexdigest()
        lines += f"{entry.get('sha256', '-')} {entry['size']} {entry['path']}\n"
    head = {key: manifest[key] for key in ("class", "details", "schema", "value") if key in manifest}
    canonical = json.dumps(head, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert manifest["digest"] == "sha256:" + hashlib.sha256((canonical + "\n" + lines).encode()).hexdigest()
    return manifest
