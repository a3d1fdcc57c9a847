"""What containers wrote, and the HTTPS server from which an API server reads it, as it does from a kubelet."""

from __future__ import annotations

import contextlib
import datetime
import functools
import http.server
import pathlib
import ssl
import threading
import time
import urllib.parse
from typing import Any, Callable, Iterator

from cluster.client import ApiError, Client, Object


class Refused(Exception):
    """Status and text of a kubelet's refusal."""


class Log:
    """The lines of one run of one container, each with its time in nanoseconds. It can be followed until it ends."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, bytes]] = []
        self._ended = False
        self._cuts = 0
        self._changed = threading.Condition()

    def write(self, text: str) -> None:
        with self._changed:
            self._lines += [(time.time_ns(), line.encode()) for line in text.splitlines(keepends=True)]
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def cut(self) -> None:
        """Breaks the connections of all who follow now."""
        with self._changed:
            self._cuts += 1
            self._changed.notify_all()

    def read(self, follow: bool, tail: int | None, since: int) -> Iterator[tuple[int, bytes]]:
        with self._changed:
            place, cuts = 0 if tail is None else max(0, len(self._lines) - tail), self._cuts
        while True:
            with self._changed:
                if follow:
                    self._changed.wait_for(functools.partial(self._has_news, place, cuts))
                if self._cuts > cuts:
                    raise ConnectionAbortedError
                lines = self._lines[place:]
                place += len(lines)
                last = self._ended or not follow
            yield from (line for line in lines if line[0] >= since)
            if last:
                return

    def _has_news(self, place: int, cuts: int) -> bool:
        return len(self._lines) > place or self._ended or self._cuts > cuts


class LogServer(http.server.ThreadingHTTPServer):
    """Serves /containerLogs on a free port of loopback to an API server that shows its certificate."""

    daemon_threads = True

    def __init__(self, client: Client, certificates: pathlib.Path) -> None:
        self.client = client
        self.logs: dict[str, Log] = {}  # by container id
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
        self._context.load_verify_locations(certificates / "ca.crt")
        self._context.verify_mode = ssl.CERT_REQUIRED
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> Any:
        connection, address = super().get_request()
        # The handshake is left to the connection's own thread: a slow peer holds nobody else.
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, address: Any) -> None:
        """A peer that went away is no news."""

    def log_of(self, namespace: str, name: str, container: str, previous: bool) -> Log:
        try:
            pod = self.client.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
        except ApiError:
            raise Refused(404, f'pod "{name}" does not exist') from None
        return self.logs[container_id(pod, container, previous)]


def container_id(pod: Object, container: str, previous: bool) -> str:
    """Of the run whose log is meant, with a kubelet's words (validateContainerLogStatus) where there is none."""
    where = f'container "{container}" in pod "{pod["metadata"]["name"]}"'
    statuses = pod["status"].get("containerStatuses", []) + pod["status"].get("initContainerStatuses", [])
    status = next((each for each in statuses if each["name"] == container), None)
    if status is None:
        raise Refused(400, f"{where} is not available")
    last = status.get("lastState", {}).get("terminated")
    state = status["state"]
    if previous:
        if last is None:
            raise Refused(400, f"previous terminated {where} not found")
        return str(last["containerID"])
    if "waiting" not in state:
        return str(status["containerID"])
    if last is not None:
        return str(last["containerID"])
    reason = state["waiting"]["reason"]
    words = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}
    raise Refused(400, f"{where} is waiting to start: {words.get(reason, reason)}")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LogServer

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.close_connection = True  # after `stop` nothing is answered on connections from before
        address = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(address.query))
        parts = address.path.split("/")
        try:
            if len(parts) != 5 or parts[1] != "containerLogs":
                raise Refused(404, "404 page not found")
            log = self.server.log_of(parts[2], parts[3], parts[4], query.get("previous") == "true")
        except Refused as refused:
            self._answer(*refused.args)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(OSError):
            self._send(log, query)

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _send(self, log: Log, query: dict[str, str]) -> None:
        tail = int(query["tailLines"]) if "tailLines" in query else None
        left = int(query["limitBytes"]) if "limitBytes" in query else None
        mark: Callable[[int], bytes] = timestamp if query.get("timestamps") == "true" else lambda _: b""
        starts = True
        for moment, line in log.read(query.get("follow") == "true", tail, since(query)):
            data = (mark(moment) if starts else b"") + line
            starts = line.endswith(b"\n")
            if left is not None:
                data, left = data[:left], left - min(left, len(data))
            if data:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            if left == 0:
                break
        self.wfile.write(b"0\r\n\r\n")


def since(query: dict[str, str]) -> int:
    if "sinceSeconds" in query:
        return time.time_ns() - int(query["sinceSeconds"]) * 10**9
    if "sinceTime" in query:  # the API server has cut it to whole seconds
        return int(datetime.datetime.fromisoformat(query["sinceTime"].replace("Z", "+00:00")).timestamp()) * 10**9
    return 0


def timestamp(moment: int) -> bytes:
    whole = datetime.datetime.fromtimestamp(moment // 10**9, datetime.timezone.utc)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{moment % 10**9:09}Z ".encode()
