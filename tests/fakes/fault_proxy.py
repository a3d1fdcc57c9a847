"""A proxy before a real API server that breaks what a test says: for everything that can go wrong between a client and its server.

with FaultProxy(server, token, ca) as proxy:
    proxy.on("POST", "/pods$", answer(403, "Forbidden", "pods is forbidden"))
    ...  # --master k8s://http://127.0.0.1:{proxy.port}

What no rule names goes through, streams too. `proxy.calls` has each call's method and path, in order.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import ssl
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterator, Optional


class Fault:
    """What happens instead of an answer. `passes_on`: the server acts on the call all the same."""

    def __init__(self, play: Callable[[_Handler], None], passes_on: bool = False) -> None:
        self.play = play
        self.passes_on = passes_on


def answer(code: int, reason: str = "", message: str = "", **headers: str) -> Fault:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }
    return Fault(lambda handler: handler.reply(code, json.dumps(status), "application/json", headers))


def html(code: int = 200) -> Fault:
    return Fault(lambda handler: handler.reply(code, "<html><h1>Please log in</h1></html>", "text/html", {}))


def cut(after: bool = False) -> Fault:
    """The connection breaks without an answer, before or after the server acted."""
    return Fault(lambda handler: handler.hang_up(), passes_on=after)


def half(after: bool = False) -> Fault:
    """The answer breaks off in the middle."""

    def play(handler: _Handler) -> None:
        handler.wfile.write(b'HTTP/1.1 201 Created\r\nContent-Length: 5000\r\n\r\n{"kind":"Pod","metadata":{"na')
        handler.hang_up()

    return Fault(play, passes_on=after)


def hang() -> Fault:
    """No answer for as long as the client waits."""
    return Fault(lambda handler: handler.until_gone())


def then(act: Callable[[], None]) -> Fault:
    """The server acts, then this is called, and nobody hears the answer."""

    def play(handler: _Handler) -> None:
        act()
        handler.hang_up()

    return Fault(play, passes_on=True)


class _Rule:
    def __init__(self, method: str, path: str, fault: Fault, times: Optional[int], skip: int) -> None:
        self.method, self.path, self.fault, self.times, self.skip = method, re.compile(path), fault, times, skip

    def takes(self, method: str, path: str) -> bool:
        if not re.fullmatch(self.method, method) or not self.path.search(path) or self.times == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body of an answer are two writes
    server: _Server

    def log_message(self, *arguments: Any) -> None:
        pass

    def handle_one_request(self) -> None:
        with contextlib.suppress(OSError):
            super().handle_one_request()

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.take(self.command, self.path)
        if fault is None:
            self._forward(body, self._stream)
        else:
            if fault.passes_on:
                self._forward(body, lambda response: response.read())
            fault.play(self)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

    def _forward(self, body: bytes, then: Callable[[http.client.HTTPResponse], Any]) -> None:
        upstream = urllib.parse.urlsplit(self.server.upstream)
        connection = http.client.HTTPSConnection(
            upstream.hostname or "", upstream.port, context=self.server.context, timeout=60
        )
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "authorization")}
        headers["Authorization"] = f"Bearer {self.server.token}"
        with contextlib.closing(connection):
            connection.request(self.command, self.path, body or None, headers)
            then(connection.getresponse())

    def _stream(self, response: http.client.HTTPResponse) -> None:
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while piece := response.read1(1 << 16):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def reply(self, code: int, text: str, kind: str, headers: dict[str, str]) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True

    def until_gone(self) -> None:
        self.connection.recv(1)
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: str, token: str, ca: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.token = upstream, token
        self.context = ssl.create_default_context(cafile=ca)
        self.lock = threading.Lock()
        self.rules: list[_Rule] = []
        self.calls: list[tuple[str, str]] = []

    def take(self, method: str, path: str) -> Optional[Fault]:
        with self.lock:
            plain = path.partition("?")[0]
            self.calls.append((method, plain))
            for rule in self.rules:
                if rule.takes(method, plain):
                    return rule.fault
            return None


class FaultProxy:
    def __init__(self, upstream: str, token: str, ca: str) -> None:
        self._server = _Server(upstream, token, ca)
        self.port = self._server.server_port

    def on(self, method: str, path: str, fault: Fault, times: Optional[int] = None, skip: int = 0) -> None:
        """From the `skip`-th matching call on, `times` times or always. `method` and `path` are patterns; the first rule counts."""
        with self._server.lock:
            self._server.rules.append(_Rule(method, path, fault, times, skip))

    def heal(self) -> None:
        with self._server.lock:
            self._server.rules.clear()

    @property
    def calls(self) -> list[tuple[str, str]]:
        with self._server.lock:
            return list(self._server.calls)

    def writes(self) -> Iterator[tuple[str, str]]:
        return (call for call in self.calls if call[0] != "GET")

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
