"""The program's side of the host protocol, for tests and measurements."""

import array
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
from typing import Any, Dict, List, Optional

PACKAGE_FOLDER = str(pathlib.Path(__file__).resolve().parents[1])


class HostClient:
    def __init__(
        self, python: str = sys.executable, cwd: Optional[str] = None, env: Optional[Dict[str, str]] = None
    ) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        environment = {**os.environ, "PYTHONPATH": PACKAGE_FOLDER, **(env or {}), "STOKER_HOST": str(theirs.fileno())}
        self.process = subprocess.Popen(
            [python, "-m", "stoker._host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=cwd,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        ours.settimeout(60)
        self.socket = ours

    def send(self, message: Dict[str, Any], descriptors: List[int] = []) -> None:  # noqa: B006
        data = json.dumps(message).encode()
        frame = struct.pack(">I", len(data)) + data
        if descriptors:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
            sent = self.socket.sendmsg([frame], rights)
            frame = frame[sent:]
        self.socket.sendall(frame)

    def receive(self) -> Dict[str, Any]:
        (length,) = struct.unpack(">I", self._exactly(4))
        message: Dict[str, Any] = json.loads(self._exactly(length))
        return message

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def ask(self, **message: Any) -> Dict[str, Any]:
        self.send(message)
        return self.receive()

    def close(self) -> int:
        self.socket.close()
        try:
            return self.process.wait(20)
        finally:
            for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
                assert stream is not None
                stream.close()

    def __enter__(self) -> "HostClient":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Attempt:
    """One attempt as the engine sets it up: folders, invocation, log files, protocol socket."""

    def __init__(
        self, folder: pathlib.Path, root: pathlib.Path, function: str, inputs: Dict[str, Any], number: int = 1
    ) -> None:
        self.folder = folder / f"{function}-{number}"
        (self.folder / "scratch").mkdir(parents=True)
        self.result_path = self.folder / "result.json"
        self.number = number
        self.invocation = self.folder / "invocation.json"
        document = {
            "version": 1,
            "run": "20260101-000000-abcd",
            "pipeline": "main",
            "step": function,
            "attempt": 1,
            "kind": "python",
            "entry": {"root": str(root), "file": str(root / "pipeline.py"), "module": "pipeline", "function": function},
            "injectSession": False,
            "session": None,
            "inputs": inputs,
            "outputs": {"output": {"type": "any"}},
            "artifacts": str(self.folder / "artifacts"),
            "result": str(self.result_path),
            "scratch": str(self.folder / "scratch"),
            "store": str(folder),
            "project": "test",
            "grace_seconds": 10,
        }
        self.invocation.write_text(json.dumps(document))

    def start(
        self, host: HostClient, env: Optional[Dict[str, str]] = None, cwd: Optional[pathlib.Path] = None
    ) -> Dict[str, Any]:
        ours, theirs = socket.socketpair()
        with open(self.folder / "stdout.log", "wb") as output, open(self.folder / "stderr.log", "wb") as errors:
            host.send(
                {
                    "op": "run",
                    "id": self.number,
                    "invocation": str(self.invocation),
                    "env": {"STOKER_INVOCATION": str(self.invocation), **(env or {})},
                    "cwd": str(cwd or self.folder),
                },
                [theirs.fileno(), output.fileno(), errors.fileno()],
            )
        theirs.close()
        self.socket = ours
        return host.receive()

    def messages(self) -> List[Dict[str, Any]]:
        data = b""
        while True:
            more = self.socket.recv(65536)
            if not more:
                break
            data += more
        found = []
        while data:
            (length,) = struct.unpack(">I", data[:4])
            found.append(json.loads(data[4 : 4 + length]))
            data = data[4 + length :]
        self.socket.close()
        return found

    @property
    def result(self) -> Dict[str, Any]:
        document: Dict[str, Any] = json.loads(self.result_path.read_text())
        return document

    @property
    def stdout(self) -> str:
        return (self.folder / "stdout.log").read_text()

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr.log").read_text()
