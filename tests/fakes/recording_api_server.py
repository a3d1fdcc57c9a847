"""A Kubernetes API server that takes every object and remembers it: no validation, no defaults, no watches. For seeing what a submitter sends.

with RecordingServer() as server:
    ...  # master: k8s://http://127.0.0.1:{server.port}
server.written  # bodies of POST and PATCH, in order
server.requests  # the same, each with its address
"""

from __future__ import annotations

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, List, Tuple


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body of an answer are two writes
    server: _Server

    def log_message(self, *arguments: Any) -> None:
        pass

    def _write(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append((self.path, json.loads(json.dumps(body))))
        body.setdefault("metadata", {}).setdefault("uid", str(uuid.uuid4()))
        self._answer(201, body)

    do_POST = do_PATCH = do_PUT = _write

    def do_GET(self) -> None:
        self._answer(
            404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        )

    def do_DELETE(self) -> None:
        self._answer(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _answer(self, status: int, document: Dict[str, Any]) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.requests: List[Tuple[str, Dict[str, Any]]] = []


class RecordingServer:
    def __init__(self) -> None:
        self._server = _Server()
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def requests(self) -> List[Tuple[str, Dict[str, Any]]]:
        with self._server.lock:
            return list(self._server.requests)

    @property
    def written(self) -> List[Dict[str, Any]]:
        return [body for _, body in self.requests]

    def __enter__(self) -> RecordingServer:
        self._thread.start()
        return self

    def __exit__(self, *problem: Any) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
