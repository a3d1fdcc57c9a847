"""A client of the JVM pool for its tests: one connection, one lease, and the Python process that uses it."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional


class Connection:
    def __init__(self, path: Path, timeout: float = 180) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))

    def send(self, message: Dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        self.socket.sendall(struct.pack(">I", len(body)) + body)

    def receive(self) -> Dict[str, Any]:
        (length,) = struct.unpack(">I", self._exactly(4))
        message = json.loads(self._exactly(length))
        assert isinstance(message, dict)
        return message

    def receive_until(self, *ops: str) -> Dict[str, Any]:
        while True:
            message = self.receive()
            if message["op"] in ops:
                return message

    def close(self) -> None:
        self.socket.close()

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = self.socket.recv(count - len(data))
            if not chunk:
                raise EOFError("the pool closed the connection")
            data += chunk
        return data


class Refused(Exception):
    pass


class Lease(Connection):
    """Asks, waits, and has the environment for a process that uses the JVM."""

    def __init__(self, path: Path, request: Dict[str, Any]) -> None:
        super().__init__(path)
        self.request = request
        self.send(request)
        answer = self.receive_until("leased", "refused", "jvm-exited")
        if answer["op"] != "leased":
            raise Refused(answer.get("message") or answer.get("reason"))
        self.warm: bool = answer["warm"]
        self.jvm_pid: int = answer["jvm_pid"]
        self.lease_id: str = answer["lease_id"]
        self.environment = {
            **request["environment"],
            "PYSPARK_GATEWAY_PORT": str(answer["gateway_port"]),
            "PYSPARK_GATEWAY_SECRET": answer["gateway_secret"],
            "PYSPARK_PYTHON": request["key"]["python"],
            "STOKER_LEASE": answer["lease_id"],
        }

    def popen(self, arguments: List[str], **more: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.request["key"]["python"], *arguments],
            env=self.environment,
            cwd=self.request["cwd"],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **more,
        )

    def run(self, code: str, check: bool = True) -> str:
        process = self.popen(["-c", code])
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0 or not check, output
        return output

    def release(self) -> Dict[str, Any]:
        self.send({"op": "release"})
        account = self.receive_until("released", "jvm-exited")
        self.close()
        return account


def lease_request(
    *,
    project: Path,
    python: str,
    spark_home: str,
    java: str,
    python_path: str,
    cwd: Optional[Path] = None,
    environment: Optional[Dict[str, str]] = None,
    settings: Optional[Dict[str, Any]] = None,
    **more: Any,
) -> Dict[str, Any]:
    seen = {name: value for name, value in os.environ.items() if not name.startswith(("PYSPARK_", "SPARK_", "PYTEST_"))}
    seen["PYTHONPATH"] = python_path
    seen.update(environment or {})
    request: Dict[str, Any] = {
        "op": "lease",
        "version": 1,
        "key": {
            "project": str(project),
            "java": java,
            "spark_home": spark_home,
            "python": python,
            "settings": settings or {},
        },
        "environment": seen,
        "cwd": str(cwd or project),
        "defaults": {"spark.ui.enabled": "false"},
        "app_name": "test",
        "log": "",
        "progress": False,
    }
    request.update(more)
    return request
