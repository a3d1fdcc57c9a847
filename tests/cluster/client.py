"""A small client of an API server: enough to play a node and to ask what a test wants to know. Nothing beyond the standard library."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Iterator

Object = dict[str, Any]
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
# A server that hangs fails the test instead of holding it.
ANSWER_SECONDS = 60.0


class ApiError(Exception):
    """What the server refused: its HTTP status, its reason (`NotFound`, `Forbidden`, …) and its message."""

    def __init__(self, code: int, body: bytes) -> None:
        try:
            status = json.loads(body)
        except ValueError:
            status = {"message": body.decode(errors="replace")}
        self.code = code
        self.reason: str = status.get("reason", "")
        self.message: str = status.get("message", "")
        super().__init__(f"{code} {self.reason}: {self.message}")


class Client:
    def __init__(self, server: str, context: ssl.SSLContext, token: str | None = None) -> None:
        self.server = server
        self.context = context
        self.token = token

    def open(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        kind: str = "application/json",
        seconds: float = ANSWER_SECONDS,
        **query: Any,
    ) -> http.client.HTTPResponse:
        """The answer as it arrives: for logs and watches. `seconds` bounds each wait for more of it."""
        address = self.server + path + ("?" + urllib.parse.urlencode(query) if query else "")
        request = urllib.request.Request(address, method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", kind)
        if self.token is not None:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            answer = urllib.request.build_opener(
                urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.context)
            ).open(request, timeout=seconds)
        except urllib.error.HTTPError as error:
            with error:
                raise ApiError(error.code, error.read()) from None
        assert isinstance(answer, http.client.HTTPResponse)
        return answer

    def request(
        self, method: str, path: str, body: Object | None = None, kind: str = "application/json", **query: Any
    ) -> Object:
        with self.open(method, path, body, kind, **query) as answer:
            document: Object = json.load(answer)
        return document

    def get(self, path: str, **query: Any) -> Object:
        return self.request("GET", path, **query)

    def create(self, path: str, body: Object) -> Object:
        return self.request("POST", path, body)

    def patch(self, path: str, body: Object, kind: str = MERGE) -> Object:
        return self.request("PATCH", path, body, kind)

    def delete(self, path: str, body: Object | None = None) -> Object:
        return self.request("DELETE", path, body)

    def text(self, path: str, **query: Any) -> str:
        with self.open("GET", path, **query) as answer:
            return answer.read().decode()

    def watch(self, path: str, seconds: float, **query: Any) -> Iterator[Object]:
        """The watch's events `{type, object}` until the server ends it, after `seconds` at the latest."""
        with self.open(
            "GET", path, seconds=seconds + 10, watch="true", timeoutSeconds=max(1, round(seconds)), **query
        ) as answer:
            for line in answer:
                yield json.loads(line)

    def observe(self, collection: str, seconds: float, **query: Any) -> Iterator[Object | None]:
        """Each state of each object that the query selects, from those there are now; None when there is none, or one less."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            listed = self.get(collection, **query)
            yield from listed["items"] or [None]
            for event in self.watch(collection, left, **query, resourceVersion=listed["metadata"]["resourceVersion"]):
                if event["type"] == "ERROR":  # too old a version: list again
                    break
                yield None if event["type"] == "DELETED" else event["object"]
                if time.monotonic() > deadline:
                    break

    def until(self, path: str, condition: Callable[[Object | None], bool], seconds: float = 30) -> Object | None:
        """The object at this path as soon as it meets the condition, which sees None while there is no such object."""
        collection, _, name = path.rpartition("/")
        state: Object | None = None
        for state in self.observe(collection, seconds, fieldSelector=f"metadata.name={name}"):
            if condition(state):
                return state
        raise TimeoutError(f"{path}: not as wanted after {seconds:.0f} s; it is: {json.dumps(state)}")

    def appears(self, collection: str, seconds: float = 30, **query: Any) -> Object:
        """The first object that the query selects, as soon as there is one."""
        for state in self.observe(collection, seconds, **query):
            if state is not None:
                return state
        raise TimeoutError(f"{collection}: nothing with {query} after {seconds:.0f} s")
